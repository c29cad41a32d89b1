"""The model card: what the churn model is, how good, and what it must not be used for.

Made of the marts of a build, so that every number on it passed the build's tests.
"""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill
from typing import Any

import pandas as pd

from ml import evaluate, features

CARD_FILE, PLOT_FILE = "model_card.md", "model_card_calibration.svg"
# What the card is made of: a query on the published file each.
QUERIES: dict[str, str] = {
    "metrics": "from churn_model_metrics order by split, model, metric",
    "calibration": "from churn_calibration order by split, model, bin",
    "choice": "from churn_model_choice order by complexity",
    "scorecard": "from churn_scorecard order by population, term",
    "build": "from build_info",
    "data": """
        select
            count(*) as rows, count(distinct user_id) as users,
            count(*) filter (is_closed) as closed_rows,
            min(as_of_date) as first_date, max(as_of_date) as last_date,
            count(distinct as_of_date) as dates,
            max(label_end_date - as_of_date) as horizon_days
        from churn_labels
    """,
}
POOLED_SPLITS = ("test", "test new users", "frozen", "frozen new users")
BY_DATE = ("roc_auc", "log_loss", "brier_skill", "calibration_slope")
TOP_TERMS = 12
SHIPPED = "shipped"  # the chosen model, and that of new users
WIDTH = 90
# Of the plot, in pixels.
SIZE, MARGIN = 420, 56

METRIC_WORDS = """\
`roc_auc` and `pr_auc` judge the ranking; lift and capture the tenth of users with the
highest risk: how many times more of them churn than of all, and which share of those who
churn is among them. Log loss and Brier judge the probabilities, lower is better;
`brier_skill` is against always saying the base rate, 0 or below is no skill. The slope is
1 and the intercept 0 where probabilities mean what they say. In brackets are 95 %
intervals from resampling users; a difference between models is judged by its own
interval, not by whether two intervals overlap."""

LIMITS = """\
- It predicts inactivity, not its cause: a reason is what raises the score, not what
  would bring the user back if it changed. High risk does not mean that contacting helps;
  only an experiment with a group that is not contacted shows that.
- It knows events, tenure and segments, nothing of why somebody is away: holidays,
  billing, outages. A tracking gap looks like churn.
- New users are scored by a model of their own, which knows little of them: see their
  table above.
- Past dates stand for the future. After a change of product, prices or tracking they do
  not: watch `churn_drift`, and `churn_score_outcomes` for how old scores came out.
- A segment with few users is pooled with others. How good the model is within a segment
  is not on this card.
- A user's tenth and band compare with others of the same day, so they can change without
  the user."""

NOT_FOR = """\
- Anything that disadvantages a person by their score: prices, service, credit, access,
  moderation, employment. It was made to order whom to look at first.
- Judging teams or features by the mean score: a change of who is scored moves it too.
- Claims about causes, and forecasts of revenue: it says who may stay away, not what they
  would have paid.
- People who were not in the data: another product, another market, another horizon."""

USE = """\
`dbt build` trains and scores in one go. To score with one model for a time:

```
python -m ml train                                 # prints the version
python -m ml score --output scores.parquet         # with the newest trained model
dbt build --vars '{churn_model: 2026-05-31-0123456789ab}'
```

A trained model is a folder in `warehouse/models/churn`. It is used only if every file has
the checksum of its manifest, scikit-learn and numpy have the versions that it was trained
with, the features are those of the code, and its stored rows come out as in training.
Train again when the metrics of the split `frozen` or `churn_drift` say so, or after an
upgrade: it takes seconds."""


def files(marts: Mapping[str, pd.DataFrame], introduction: str) -> dict[str, str]:
    """The page and its plot, name -> text; `marts`: a frame per key of QUERIES."""
    return {
        CARD_FILE: page(marts, introduction),
        PLOT_FILE: calibration_plot(_of_shipped(marts["calibration"], "test")),
    }


def page(marts: Mapping[str, pd.DataFrame], introduction: str) -> str:
    """The card in Markdown; a section without data says that there is none."""
    horizon = marts["data"].at[0, "horizon_days"]
    sections = {
        "What it says": _task(horizon),
        "Data": _data(marts),
        "Label, features, learning": _learning(horizon),
        "How it is tested": _testing(marts, horizon),
        "How good it is": _quality(marts),
        "Do the probabilities mean what they say": _calibration(marts),
        "Which model, and why": _choice(marts),
        "What moves the score": _terms(marts["scorecard"]),
        "Limits": LIMITS,
        "What a score must not be used for": NOT_FOR,
        "Training and scoring apart": USE,
    }
    parts = [f"# Model card: churn\n\n{introduction}"]
    parts += [f"## {title}\n\n{text}" for title, text in sections.items()]
    return "\n\n".join(parts) + "\n"


def calibration_plot(bins: pd.DataFrame) -> str:
    """An SVG of predicted against actual churn by bin, intervals as bars.

    `bins`: predicted_rate, churned_rate, ci_low, ci_high, fractions; one row per bin.
    """
    bins = bins.dropna(subset=["predicted_rate", "churned_rate"])

    def x(value: float) -> str:
        return f"{MARGIN + value * (SIZE - 2 * MARGIN):.1f}"

    def y(value: float) -> str:
        return f"{SIZE - MARGIN - value * (SIZE - 2 * MARGIN):.1f}"

    marks = []
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        label = f"{tick * 100:.0f} %"
        marks += [
            f'<path d="M{x(0)} {y(tick)}H{x(1)}M{x(tick)} {y(0)}V{y(1)}" class="grid"/>',
            f'<text x="{x(tick)}" y="{SIZE - MARGIN + 18}">{label}</text>',
            f'<text x="{MARGIN - 24}" y="{y(tick)}" dy="4">{label}</text>',
        ]
    marks.append(f'<path d="M{x(0)} {y(0)}L{x(1)} {y(1)}" class="ideal"/>')
    for row in bins.itertuples():
        at = x(row.predicted_rate)
        if not pd.isna(row.ci_low):
            bar = f"M{at} {y(row.ci_low)}V{y(row.ci_high)}"
            marks.append(f'<path d="{bar}" class="interval"/>')
        marks.append(f'<circle cx="{at}" cy="{y(row.churned_rate)}" r="4"/>')
    middle = SIZE / 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" '
            f'width="{SIZE}" height="{SIZE}" role="img">',
            "<title>Predicted and actual churn by tenth of the users</title>",
            "<style>text{font:12px sans-serif;fill:#444;text-anchor:middle}"
            ".grid{stroke:#ddd}.ideal{stroke:#888;stroke-dasharray:4}"
            ".interval{stroke:#2f6fb0;stroke-width:2}circle{fill:#2f6fb0}</style>",
            '<rect width="100%" height="100%" fill="#fff"/>',
            *marks,
            f'<text x="{middle}" y="{SIZE - 12}">predicted churn</text>',
            f'<text transform="translate(14 {middle}) rotate(-90)">actual churn</text>',
            "</svg>",
            "",
        ]
    )


def _task(horizon: Any) -> str:
    return fill(
        "For every user who was active lately (var `churn: active_days`), the "
        "probability of no activity at all in the "
        f"{_whole(horizon)} days after the as_of_date. `churn_scores` has it with a "
        "tenth, a band and up to three reasons in words. It is made to order whom to "
        "look at first.",
        WIDTH,
    )


def _data(marts: Mapping[str, pd.DataFrame]) -> str:
    data, build = marts["data"].iloc[0], marts["build"].iloc[0]
    rows = [
        ("events", f"{_day(build['data_start'])} to {_day(build['data_end'])}"),
        ("days are those of", str(build["timezone"])),
        (
            "as_of dates",
            f"{_whole(data['dates'])}, {_day(data['first_date'])} to "
            f"{_day(data['last_date'])}",
        ),
        ("users", _whole(data["users"])),
        ("rows, one per user and as_of date", _whole(data["rows"])),
        ("of these with a closed label window", _whole(data["closed_rows"])),
    ]
    return "\n".join(_table(("", ""), rows))


def _learning(horizon: Any) -> str:
    families: dict[str, list[str]] = {}
    for feature in features.FEATURES:
        families.setdefault(feature.family, []).append(f"`{feature.name}`")
    listed = [
        fill(f"- {family}: {', '.join(names)}", WIDTH, subsequent_indent="  ")
        for family, names in families.items()
    ]
    label = (
        f"Churned: no activity within {_whole(horizon)} days after the as_of_date, that "
        "day not included. A window that has not ended has no label and is learned from "
        "by nobody. Features are what was known at the end of the as_of_date, in SQL, "
        "by one macro for training and scoring; a test rebuilds them from events cut "
        "off there and compares row for row. They are, by family:"
    )
    more = (
        "Besides: the counts of the events that most users have, and the segments. "
        "Classes are not weighted and rows not resampled, because that spoils the "
        "probabilities; a shift and a slope on the log-odds, learned on later dates, "
        "are kept where they help on still later ones."
    )
    return "\n\n".join([fill(label, WIDTH), "\n".join(listed), fill(more, WIDTH)])


def _testing(marts: Mapping[str, pd.DataFrame], horizon: Any) -> str:
    dates = _test_dates(marts["metrics"])
    if not dates:
        return "No date could be tested yet: too few labels have closed."
    return fill(
        f"On {len(dates)} as_of dates, {', '.join(dates)}. For each of them every model "
        f"is trained anew on labels whose window had ended by then, so at least "
        f"{_whole(horizon)} days lie between the newest date learned from and the one "
        "tested. Nothing is chosen or tuned on these dates. So the metrics are of the "
        "way of training, not of one trained model; those of a trained model that is "
        "kept are under the split `frozen`, once dates after its training have closed.",
        WIDTH,
    )


def _quality(marts: Mapping[str, pd.DataFrame]) -> str:
    metrics = marts["metrics"]
    parts = [_metrics_table(metrics, "test", "Users who are not new")]
    if parts == [""]:
        return "Not known yet."
    parts.append(_differences(metrics))
    rows = []
    for date in _test_dates(metrics):
        values = _of_shipped(metrics, f"test {date}").set_index("metric")
        if not values.empty:
            told = [_with_interval(values, metric) for metric in BY_DATE]
            rows.append((date, _whole(values["rows"].iloc[0]), *told))
    if rows:
        header = ("date", "rows", *(f"`{metric}`" for metric in BY_DATE))
        table = "\n".join(_table(header, rows))
        parts.append(f"**Date by date**, `{SHIPPED}`:\n\n{table}")
    parts.append(_metrics_table(metrics, "test new users", "New users"))
    title = "Test dates since the kept model, `frozen`, was trained"
    parts.append(_metrics_table(metrics, "frozen", title))
    return "\n\n".join([*(part for part in parts if part), METRIC_WORDS])


def _metrics_table(metrics: pd.DataFrame, split: str, title: str) -> str:
    """Models across, metrics down; empty where the split has no rows."""
    metrics = metrics[(metrics["split"] == split) & (metrics["rows"] > 0)]
    if metrics.empty:
        return ""
    models = [name for name in evaluate.MODELS if name in set(metrics["model"])]
    of_model = {
        model: metrics[metrics["model"] == model].set_index("metric")
        for model in models
    }
    rows = [
        (f"`{metric}`", *(_with_interval(of_model[model], metric) for model in models))
        for metric in evaluate.METRICS
    ]
    first = metrics.iloc[0]
    about = (
        f"{_whole(first['rows'])} rows, of which {_percent(first['base_rate'])} churned"
    )
    table = "\n".join(_table(("", *(f"`{model}`" for model in models)), rows))
    return f"**{title}** ({about}):\n\n{table}"


def _differences(metrics: pd.DataFrame) -> str:
    """By how much the shipped model differs from simpler ones, paired by user."""
    values = _of_shipped(metrics, "test").set_index("metric")
    others = [
        other
        for model, other in evaluate.COMPARISONS
        if model == SHIPPED and f"roc_auc_minus_{other}" in values.index
    ]
    if not others:
        return ""
    rows = [
        (
            f"`{metric}`",
            *(_with_interval(values, f"{metric}_minus_{name}") for name in others),
        )
        for metric in evaluate.COMPARED
    ]
    header = ("`shipped` less", *(f"`{name}`" for name in others))
    table = "\n".join(_table(header, rows))
    return f"**What it adds**, each difference paired by user:\n\n{table}"


def _calibration(marts: Mapping[str, pd.DataFrame]) -> str:
    if _of_shipped(marts["calibration"], "test").empty:
        return "Not known yet."
    words = fill(
        "Each dot is a tenth of the rows of the test dates, by what the shipped model "
        "predicted: across what it predicted, up how many churned, with a 95 % "
        "interval. On the dashed line both are the same.",
        WIDTH,
    )
    return (
        f"![Predicted and actual churn by tenth of the users]({PLOT_FILE})\n\n{words}"
    )


def _choice(marts: Mapping[str, pd.DataFrame]) -> str:
    choice = marts["choice"]
    if choice.empty:
        return "Nothing could be chosen yet."
    rows = [
        (
            f"**`{row.model}`**" if row.is_champion else f"`{row.model}`",
            _number(row.selection_log_loss),
            _bracketed(
                row.difference_to_best, row.difference_ci_low, row.difference_ci_high
            ),
            str(row.reason),
        )
        for row in choice.itertuples()
    ]
    header = ("from simple to complex", "log loss", "more than the best", "")
    words = fill(
        "The simplest model whose log loss cannot be told from the best one's scores. "
        "It is chosen on dates before the test dates, by a difference paired by user.",
        WIDTH,
    )
    return "\n".join([words, "", *_table(header, rows)])


def _terms(scorecard: pd.DataFrame) -> str:
    terms = scorecard[scorecard["population"] == "eligible"]
    terms = terms[terms["kind"].isin(["number", "usage", "segment", "missing"])]
    if terms.empty:
        return (
            "This model is not a sum of terms; `churn_scores` has each user's reasons."
        )
    order = terms["coefficient"].abs().sort_values(ascending=False, kind="stable")
    rows = [
        (f"`{terms.at[row, 'term']}`", f"{terms.at[row, 'coefficient']:+.3f}")
        for row in order.index[:TOP_TERMS]
    ]
    words = fill(
        f"The {len(rows)} largest of {len(terms)} weights, in log-odds per standard "
        "deviation of the feature; above 0 raises the risk. Features of one family move "
        "together, so a weight alone says little; reasons are told by family. All of "
        "them, with what is needed to score in SQL, are in `churn_scorecard`.",
        WIDTH,
    )
    return "\n".join([words, "", *_table(("term", "weight"), rows)])


def _of_shipped(frame: pd.DataFrame, split: str) -> pd.DataFrame:
    return frame[(frame["model"] == SHIPPED) & (frame["split"] == split)]


def _test_dates(metrics: pd.DataFrame) -> list[str]:
    splits = sorted(set(metrics["split"]))
    found = [split.removeprefix("test ") for split in splits]
    return [date for date in found if date[:4].isdigit()]


def _with_interval(metrics: pd.DataFrame, metric: str) -> str:
    if metric not in metrics.index:
        return ""
    row = metrics.loc[metric]
    return _bracketed(row["value"], row["ci_low"], row["ci_high"])


def _bracketed(value: Any, low: Any, high: Any) -> str:
    if pd.isna(low) or pd.isna(high):
        return _number(value)
    return f"{_number(value)} [{_number(low)}, {_number(high)}]"


def _number(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"


def _percent(value: Any) -> str:
    return "none" if pd.isna(value) else f"{value * 100:.1f} %"


def _whole(value: Any) -> str:
    return "none" if pd.isna(value) else f"{int(value):,}"


def _day(value: Any) -> str:
    return "none" if pd.isna(value) else f"{pd.Timestamp(value):%Y-%m-%d}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
