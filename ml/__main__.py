"""The command line of the churn model: `python -m ml --help`."""

import json
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import click
import duckdb
import pandas as pd

from ml import artefact, choice, churn, evaluate, progress, relations
from ml import card as cards
from ml.scorecard import NO_SCORECARD, scorecard

MODELS = Path("models") / "churn"
CARD_ABOUT = """\
<!-- Written by `make card`; a test compares. -->

The numbers are of the mock product in `seeds/`, where churn was planted and can be found
again; on your own events they are yours: `python -m ml card --output reports`."""


class Group(click.Group):
    """Says what is wrong with the input in a sentence instead of a stack."""

    def invoke(self, context: click.Context) -> Any:
        try:
            with progress.watched_by(_bar):
                return super().invoke(context)
        except BrokenPipeError:
            raise  # whoever reads standard output has enough; click ends quietly
        except (ValueError, OSError, duckdb.Error) as error:
            raise click.ClickException(str(error)) from error


warehouse_option = click.option(
    "--warehouse",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: os.environ.get("WAREHOUSE_DIR", "warehouse"),
    show_default="the environment's WAREHOUSE_DIR, else warehouse",
    help="The folder of the warehouse; read, never locked.",
)
target_option = click.option(
    "--target",
    type=click.Choice(["duckdb", "spark"]),
    default="duckdb",
    show_default=True,
    help="Read what was published, or the tables that Spark wrote.",
)


@click.group(cls=Group)
def main() -> None:
    """The churn model, apart from dbt build.

    Every command reads the published file, the one that current.json in the warehouse
    folder names, so a build can run meanwhile; or, with --target spark, the Parquet files
    of the tables that a build on Spark left in the folder's `spark`. A dbt build
    trains and scores by itself; these commands are for looking closer, and for scoring
    with one model for a time.

    \b
    Examples:
      python -m ml backtest
      python -m ml train
      python -m ml score --output scores.parquet
      dbt build --vars '{churn_model: 2026-05-31-0123456789ab}'
    """


@main.command()
@warehouse_option
@target_option
@click.option(
    "--test-dates",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="How many of the last as_of_dates with a closed label to test on.",
)
@click.option(
    "--resamples",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Resamples of users behind an interval.",
)
@click.option(
    "--version",
    default=artefact.TRAIN,
    show_default="none",
    help="A kept model to test, too, on the test dates since its training.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write all splits and metrics here, as .csv or .json.",
)
def backtest(
    warehouse: Path,
    target: str,
    test_dates: int,
    resamples: int,
    version: str,
    output: Path | None,
) -> None:
    """Test the models and their baselines on past dates.

    For each of the last as_of_dates whose outcome is known everything is trained anew
    on what was known by then. Prints a table, for the test dates together and for new
    users: value [95 % interval over users]. Nothing is written but --output.

    \b
    Examples:
      python -m ml backtest
      python -m ml backtest --test-dates 6 --output backtest.csv
    """
    _require_ending(output, (".csv", ".json"))
    with _connect(warehouse, target) as connection:
        horizon_days = _horizon_days(connection)
        features, usage, labels = _history(connection)
    predictions = evaluate.predict_later_dates(
        features, usage, labels, horizon_days, test_dates=test_dates
    )
    kind = choice.champion(choice.choose(predictions))
    predictions = artefact.add_frozen(
        predictions, features, usage, horizon_days, version, warehouse / MODELS
    )
    metrics = evaluate.backtest(predictions, kind, resamples=resamples)
    if metrics.empty:
        raise click.ClickException(
            "There is no date to test on: none has a closed label and, a horizon of "
            f"{horizon_days} days before it, closed labels to learn from."
        )
    click.echo(f"Shipped: {kind}\n")
    for split in cards.POOLED_SPLITS:
        chosen = metrics[metrics["split"] == split]
        if len(chosen):
            click.echo(_table(chosen, split))
    if output:
        _write_frame(metrics, output)


@main.command()
@warehouse_option
@target_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    show_default="models/churn in the warehouse folder",
    help="The folder that gets a folder per version.",
)
def train(warehouse: Path, target: str, output: Path | None) -> None:
    """Train a model and keep it as a folder of its own.

    Trains as a dbt build would, on every label of the published file that has closed.
    Writes <output>/<version>/: model.skops, the model; manifest.json, what it was made
    of, its metrics and checksums; model_card.md; scorecard.csv, where the model is a
    sum of terms. The same data and library versions give the same version, byte for
    byte. Prints the version.

    \b
    Examples:
      python -m ml train
      dbt build --vars "{churn_model: $(python -m ml train)}"
    """
    with _connect(warehouse, target) as connection:
        marts = _marts(connection)
        tables = _tables(connection)
        at = relations.newest(tables[0])
        if at is None:
            raise click.ClickException(
                "The published file holds no user to learn from."
            )
        kind = choice.champion(marts["choice"])
        history = _history(connection)
        _note(f"Learning {kind} from {len(history[0]):,} rows of users and dates")
        model, facts = artefact.train(*history, at, _horizon_days(connection), kind)
        _require_same_model(connection, model)
    is_pooled = marts["metrics"]["split"].isin(cards.POOLED_SPLITS)
    facts["metrics"] = _records(marts["metrics"][is_pooled])
    about = f"Of the model that was trained on {facts['trained_at']}."
    readable = cards.files(marts, about)
    terms = scorecard(model)
    if (terms["kind"] != NO_SCORECARD).any():
        readable["scorecard.csv"] = terms.to_csv(index=False)
    version, files = artefact.contents(model, facts, readable)
    folder = output or warehouse / MODELS
    is_new = artefact.write(folder, version, files)
    click.echo(
        f"{'Wrote' if is_new else 'There already:'} {folder / version}", err=True
    )
    click.echo(version)


@main.command()
@warehouse_option
@target_option
@click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False),
    show_default="models/churn in the warehouse folder",
    help="The folder of trained models.",
)
@click.option(
    "--version",
    show_default="the one trained at the newest date",
    help="The model to score with.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    show_default="CSV to standard output",
    help="Write the scores here, as .parquet or .csv.",
)
def score(
    warehouse: Path,
    target: str,
    models: Path | None,
    version: str | None,
    output: Path | None,
) -> None:
    """Score the users of the newest as_of_date with a trained model.

    Gives one row per user, with the columns of the mart churn_scores. The model is
    checked first: whole and unchanged, made with the installed library versions and the
    features of this code, and scoring its stored rows as in training.

    \b
    Examples:
      python -m ml score > scores.csv
      python -m ml score --version 2026-05-31-0123456789ab --output scores.parquet
    """
    _require_ending(output, (".csv", ".parquet"))
    folder = models or warehouse / MODELS
    version = version or artefact.newest_version(folder)
    with _connect(warehouse, target) as connection:
        features, usage, *_ = _tables(connection)
        model = artefact.kept_model(
            folder, version, relations.newest(features), _horizon_days(connection)
        )
        parts = relations.to_score(features, usage)
        scores = churn.ranked(churn.score(model, *part) for part in parts)
    if output:
        _write_frame(scores, output)
        click.echo(f"Wrote {len(scores)} scores to {output}", err=True)
    else:
        scores.to_csv(sys.stdout, index=False)


@main.command()
@warehouse_option
@target_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("docs"),
    show_default=True,
    help="The folder that gets the page and its plot.",
)
@click.option(
    "--about",
    default=CARD_ABOUT,
    show_default="that it is of the mock product",
    help="The page's first paragraph.",
)
def card(warehouse: Path, target: str, output: Path, about: str) -> None:
    """Write the model card.

    What the model is, how good it is on past dates with intervals, a calibration plot,
    which model was chosen and why, limits, and what a score must not be used for; all
    numbers are of the published marts. Writes <output>/model_card.md and
    <output>/model_card_calibration.svg.

    \b
    Examples:
      python -m ml card
      python -m ml card --output reports --about "Of our shop, weekly."
    """
    with _connect(warehouse, target) as connection:
        marts = _marts(connection)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in cards.files(marts, about).items():
        (output / name).write_text(text, encoding="utf-8")
        click.echo(f"Wrote {output / name}", err=True)


def _require_same_model(
    connection: duckdb.DuckDBPyConnection, model: churn.Model
) -> None:
    """Raises unless the build scored with this model: its metrics would be of another."""
    scored = connection.execute(
        "select distinct model_version from churn_scores where not is_new_user"
    ).fetchall()
    for (version,) in scored:
        # A build that scored with a kept model has trained none to compare with.
        if version != model.version and "(artefact " not in version:
            raise click.ClickException(
                f"The published scores are of model {version}, but ml/ now makes "
                f"{model.version} of the same data: the code changed since. Run dbt "
                "build, so that the metrics are those of the model."
            )


def _marts(connection: duckdb.DuckDBPyConnection) -> dict[str, pd.DataFrame]:
    """What a card is made of."""
    return {
        name: connection.execute(query).df() for name, query in cards.QUERIES.items()
    }


def _tables(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[duckdb.DuckDBPyRelation, ...]:
    """What the functions of `ml.relations` take, in their order."""
    names = ("user_features", "user_event_usage", "churn_labels", "churn_sampled_users")
    return tuple(connection.table(name) for name in names)


def _history(connection: duckdb.DuckDBPyConnection) -> list[pd.DataFrame]:
    """Features, usage and labels to learn from and to test on."""
    return [rows.df() for rows in relations.history(*_tables(connection))]


def _horizon_days(connection: duckdb.DuckDBPyConnection) -> int:
    horizons = connection.execute(
        "select distinct label_end_date - as_of_date from as_of_dates"
    ).fetchall()
    if len(horizons) != 1:
        raise click.ClickException("The published file holds no as_of_date.")
    return horizons[0][0]


def _connect(warehouse: Path, target: str) -> duckdb.DuckDBPyConnection:
    """The marts of a warehouse folder, read-only."""
    return _spark_marts(warehouse) if target == "spark" else _published(warehouse)


def _spark_marts(warehouse: Path) -> duckdb.DuckDBPyConnection:
    marts = warehouse / "spark" / "marts.db"
    folders = sorted({file.parent for file in marts.glob("*/*.parquet")})
    if not folders:
        raise click.ClickException(
            f"There is no table of Spark in {marts} yet. Run dbt build --target spark, or "
            "name another folder by --warehouse or WAREHOUSE_DIR."
        )
    connection = duckdb.connect()
    for folder in folders:
        files = connection.read_parquet(str(folder / "*.parquet"))
        files.create_view(folder.name)
    return connection


def _published(warehouse: Path) -> duckdb.DuckDBPyConnection:
    pointer = warehouse / "current.json"
    if not pointer.is_file():
        raise click.ClickException(
            f"Nothing is published in {warehouse} yet: there is no {pointer}. Run dbt "
            "build, or name another folder by --warehouse or WAREHOUSE_DIR."
        )
    published = warehouse / json.loads(pointer.read_text())["file"]
    return duckdb.connect(str(published), read_only=True)


def _bar(label: str, items: Collection[Any]) -> Iterator[Any]:
    """A progress bar on a terminal, nothing elsewhere."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        items, label=f"{label:<20}", file=sys.stderr, hidden=hidden, show_pos=True
    ) as bar:
        yield from bar


def _note(text: str) -> None:
    """Tells a terminal what takes its time."""
    if sys.stderr.isatty():
        click.echo(text, err=True)


def _table(metrics: pd.DataFrame, title: str) -> str:
    """Metrics down, models across, each with its interval."""
    models = list(dict.fromkeys(metrics["model"]))
    cells = {
        (row.metric, row.model): _value_and_interval(row.value, row.ci_low, row.ci_high)
        for row in metrics.itertuples()
    }
    first = metrics.iloc[0]
    width = max(len(name) for name in metrics["metric"])
    lines = [
        f"{title}: {first['rows']:,} rows, base rate {_number(first['base_rate'])}",
        " ".join([" " * width, *(f"{model:>24}" for model in models)]),
    ]
    for metric in dict.fromkeys(metrics["metric"]):
        values = [f"{cells.get((metric, model), ''):>24}" for model in models]
        lines.append(" ".join([f"{metric:<{width}}", *values]).rstrip())
    return "\n".join([*lines, ""])


def _value_and_interval(value: Any, low: Any, high: Any) -> str:
    if pd.isna(low):
        return _number(value)
    return f"{_number(value)} [{_number(low)}, {_number(high)}]"


def _number(value: Any) -> str:
    return "-" if pd.isna(value) else f"{value:.3f}"


def _require_ending(output: Path | None, allowed: tuple[str, ...]) -> None:
    if output is not None and output.suffix not in allowed:
        raise click.BadParameter(
            f"got '{output}', allowed endings are {', '.join(allowed)}",
            param_hint="--output",
        )


def _write_frame(frame: pd.DataFrame, output: Path) -> None:
    """As the path's ending says; the file is whole or, as before, not there."""
    for column in frame.select_dtypes("datetime"):
        frame = frame.assign(**{column: frame[column].dt.date})
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        if output.suffix == ".parquet":
            frame.to_parquet(unfinished, index=False)
        elif output.suffix == ".json":
            unfinished.write_text(json.dumps(_records(frame), indent=2))
        else:
            frame.to_csv(unfinished, index=False)
        os.replace(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as values of JSON, NULL as None."""
    known = frame.astype(object)
    return known.where(frame.notna(), None).to_dict("records")


if __name__ == "__main__":
    main(prog_name="python -m ml")
