# Every target is a plain command that can be run by hand once `make setup` has made the
# virtual environment. PYTHON chooses the interpreter that it is made from.
PYTHON ?= python3
BIN := .venv/bin
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.PHONY: build test conformance reliability bench dashboard card lint format docs screenshots bench-dashboard bench-seeds seeds spark spark-cluster spark-setup lock clean setup

build: .venv/installed
	$(BIN)/dbt build

test: .venv/test-installed
	$(BIN)/dbt build
	$(BIN)/dbt test
	$(BIN)/pytest

# make conformance CASES=folder: cases in the schema of tests/conformance/README.md.
CASES ?= tests/conformance/cases
conformance: .venv/test-installed
	$(BIN)/python -m tests.conformance.run $(CASES)

# make bench SIZE=10m: 1m, 10m or 100m events; ARGS=--keep writes docs/benchmarks.md.
SIZE ?= 1m
bench: .venv/bench-installed
	$(BIN)/python -m benchmarks.run $(SIZE) $(ARGS)

# What of a build of the seeds is dbt's own.
bench-seeds: .venv/installed
	$(BIN)/python -m benchmarks.seeds $(ARGS)

# Builds killed at random moments while a reader reads, and other hardships.
KILLS ?= 50
reliability: .venv/test-installed
	$(BIN)/python -m tests.reliability --kills $(KILLS)

dashboard: .venv/installed
	$(BIN)/streamlit run dashboard/app.py

# docs/model_card.md, of the published marts of the seeds.
card: .venv/installed
	$(BIN)/python -m ml card

lint: .venv/test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/dbt compile --quiet --target-path target/lint
	$(BIN)/sqlfluff lint --processes 2 target/lint/compiled

format: .venv/test-installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/installed
	$(BIN)/dbt docs generate --static
	@echo "Open target/static_index.html"

screenshots: .venv/test-installed
	$(BIN)/python -m dashboard.screenshots
	$(BIN)/python -m dashboard.screenshots --look all --output target/screenshots

# How long each page takes on the server, over the warehouse that is there.
bench-dashboard: .venv/test-installed
	$(BIN)/python -m benchmarks.dashboard

seeds: .venv/installed
	$(BIN)/python seeds/generate.py

setup: .venv/test-installed

# dbt-core 1.12 names a parser among its requirements that installs only by a download from
# outside the package index and that nothing here uses; the lock leaves it out, hence
# --no-deps.
.venv/installed: requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements.lock
	touch $@

.venv/test-installed: .venv/installed requirements-test.lock
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements-test.lock
	touch $@

.venv/bench-installed: .venv/installed requirements-bench.lock
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements-bench.lock
	touch $@

# The same models on Spark; docs/spark.md. It needs Java, 17 or newer.
spark: .venv/spark-installed
	$(BIN)/dbt build --target spark

# On a master and two workers on this machine, one of which is killed meanwhile.
spark-cluster: .venv/spark-installed
	$(BIN)/python -m tests.spark.cluster

spark-setup: .venv/spark-installed

# dbt finds plugins/spark by the .pth file.
.venv/spark-installed: .venv/installed requirements-spark.lock
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements-spark.lock
	echo "$(CURDIR)/plugins/spark" > \
		"$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/product_analytics.pth"
	touch $@

# Needs uv.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header pyproject.toml
lock:
	$(LOCK) --output-file requirements.lock
	$(LOCK) --group test --constraint requirements.lock --output-file requirements-test.lock
	$(LOCK) --group bench --constraint requirements-test.lock --output-file requirements-bench.lock
	$(LOCK) --group spark --constraint requirements.lock --output-file requirements-spark.lock

clean:
	rm -rf target logs warehouse
