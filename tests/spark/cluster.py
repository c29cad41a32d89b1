"""Builds on a real standalone cluster on this machine, and kills a worker meanwhile.

    python -m tests.spark.cluster [--worker-memory 2g] [--kill-during cohort_retention]

One master and two workers of Spark's own classes run on loopback, each worker with a
core of its own. The project is built on DuckDB and on the cluster; while the cluster
works on the model that is named, one worker and its executor are killed (SIGKILL, by
their process ids). The build must still end, on the worker that is left, and every
table must equal DuckDB's.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.builds import PROJECT, run_dbt
from tests.spark.build import WITHOUT_TESTS, missing, spark_environment_of
from tests.spark.compare import differences

CLASSES = "org.apache.spark.deploy"
START_SECONDS = 120


@dataclass
class Cluster:
    """A master and its workers, each a process that this one started."""

    folder: Path
    worker_memory: str
    port: int = field(default_factory=lambda: _free_port())
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def master(self) -> str:
        return f"spark://127.0.0.1:{self.port}"

    def start(self, workers: int) -> None:
        here = ["--host", "127.0.0.1", "--webui-port", "0"]
        self._run("master", "master.Master", *here, "--port", str(self.port))
        for number in range(workers):
            name = f"worker-{number}"
            self._run(
                name,
                "worker.Worker",
                *here,
                *["--cores", "1", "--memory", self.worker_memory],
                *["--work-dir", str(self.folder / name), self.master],
            )
        deadline = time.monotonic() + START_SECONDS
        while self.log("master").count("Registering worker") < workers:
            if time.monotonic() > deadline:
                raise TimeoutError(f"The cluster did not start:\n{self.log('master')}")
            time.sleep(0.5)

    def kill_worker(self) -> list[int]:
        """Kills the last worker and its executors at once, as when a machine dies."""
        worker = self.processes.pop()
        killed = [worker.pid, *_children(worker.pid)]
        for process in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        worker.wait()
        return killed

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(timeout=60)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def _run(self, name: str, kind: str, *arguments: str) -> None:
        import pyspark

        home = Path(pyspark.__file__).parent
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                [str(home / "bin" / "spark-class"), f"{CLASSES}.{kind}", *arguments],
                env=spark_environment_of(self.folder) | {"SPARK_HOME": str(home)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)


@contextlib.contextmanager
def running(cluster: Cluster, workers: int) -> Iterator[Cluster]:
    try:
        cluster.start(workers)
        yield cluster
    finally:
        cluster.stop()


def build_and_kill(cluster: Cluster, warehouse: Path, during: str) -> tuple[int, str]:
    """Builds on the cluster; kills a worker once a model is under way."""
    command = [sys.executable, "-m", "tests.spark.build", "build", *WITHOUT_TESTS]
    build = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=spark_environment_of(warehouse) | {"SPARK_MASTER": cluster.master},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert build.stdout is not None
    output = []
    for line in build.stdout:
        print(line, end="", flush=True)
        output.append(line)
        if "START" in line and f".{during} " in line:
            time.sleep(2)
            print(
                f"--- killed worker and executor: {cluster.kill_worker()}", flush=True
            )
    return build.wait(), "".join(output)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker-memory", default="2g")
    parser.add_argument("--kill-during", default="cohort_retention", metavar="MODEL")
    given = parser.parse_args()
    if reason := missing():
        print(reason)
        return 2
    with tempfile.TemporaryDirectory() as name:
        return _prove(Path(name), given.worker_memory, given.kill_during)


def _prove(folder: Path, worker_memory: str, during: str) -> int:
    ours = run_dbt(folder / "duckdb", "--quiet", "build", *WITHOUT_TESTS)
    if ours.returncode:
        print(f"The build on DuckDB failed:\n{ours.output}")
        return 1
    started = time.monotonic()
    with running(Cluster(folder, worker_memory), workers=2) as cluster:
        code, output = build_and_kill(cluster, folder / "spark", during)
        seconds = time.monotonic() - started
        dead = cluster.log("master").count("Removing worker")
    if code:
        print(f"The build failed ({code}).")
        return 1
    if not dead or "Lost executor" not in output:
        print("The build ended without losing a worker; kill it during a longer model.")
        return 1
    found = differences(ours.warehouse / "build.duckdb", folder / "spark")
    for relation, what in found.items():
        print(f"{relation}: {what}")
    print(
        f"Built in {seconds:.0f} s on 2 workers, of which 1 was killed during {during}; "
        f"{len(found)} tables differ from DuckDB's."
    )
    return 1 if found else 0


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _children(process: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)],
        capture_output=True,
        text=True,
        check=False,
    )
    children = [int(word) for word in found.stdout.split()]
    return [*children, *(below for child in children for below in _children(child))]


if __name__ == "__main__":
    sys.exit(main())
