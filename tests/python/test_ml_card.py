"""The model card says what the marts say, and what is not known where nothing is."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml import card, evaluate

SVG = "{http://www.w3.org/2000/svg}"


def metric_rows(model: str, split: str, value: float, rows: int = 40) -> list[dict]:
    return [
        {
            "model": model,
            "split": split,
            "metric": metric,
            "value": value,
            "ci_low": value - 0.1,
            "ci_high": value + 0.1,
            "rows": rows,
            "base_rate": 0.25,
        }
        for metric in evaluate.METRICS
    ]


def marts() -> dict[str, pd.DataFrame]:
    """Marts of a product of which everything is known."""
    bins = [
        {
            "model": "shipped",
            "split": "test",
            "bin": number,
            "predicted_rate": number / 10 - 0.05,
            "churned_rate": number / 10,
            "ci_low": number / 10 - 0.04,
            "ci_high": min(1, number / 10 + 0.04),
        }
        for number in range(1, 11)
    ]
    metrics = metric_rows("shipped", "test", 0.8)
    metrics += metric_rows("recency_rule", "test", 0.7)
    metrics += metric_rows("shipped", "test 2026-03-01", 0.81, 20)
    metrics += metric_rows("shipped", "test 2026-03-08", 0.79, 20)
    metrics += metric_rows("shipped", "test new users", 0.6, 8)
    difference = metric_rows("shipped", "test", 0.1)[0]
    metrics.append(difference | {"metric": "roc_auc_minus_recency_rule"})
    return {
        "metrics": pd.DataFrame(metrics),
        "calibration": pd.DataFrame(bins),
        "choice": pd.DataFrame(
            {
                "model": ["base_rate", "logistic"],
                "complexity": [1, 4],
                "selection_log_loss": [0.6, 0.4],
                "difference_to_best": [0.2, 0.0],
                "difference_ci_low": [0.1, 0.0],
                "difference_ci_high": [0.3, 0.0],
                "is_best": [False, True],
                "is_champion": [False, True],
                "reason": ["Not shipped: worse.", "Shipped: the best."],
            }
        ),
        "scorecard": pd.DataFrame(
            {
                "population": ["eligible", "eligible", "eligible", "new"],
                "term": ["intercept", "recency_days", "events_7", "tenure_days"],
                "kind": ["intercept", "number", "number", "number"],
                "coefficient": [-9.0, 0.4, -0.7, 8.0],
            }
        ),
        "build": pd.DataFrame(
            {
                "timezone": ["UTC"],
                "data_start": [pd.Timestamp("2026-01-01 10:00")],
                "data_end": [pd.Timestamp("2026-04-01 10:00")],
            }
        ),
        "data": pd.DataFrame(
            {
                "rows": [1234],
                "users": [99],
                "closed_rows": [1000],
                "first_date": [pd.Timestamp("2026-02-01")],
                "last_date": [pd.Timestamp("2026-03-29")],
                "dates": [9],
                "horizon_days": [14],
            }
        ),
    }


def nothing() -> dict[str, pd.DataFrame]:
    """The marts of a build without events."""
    empty: dict[str, Any] = {name: frame.head(0) for name, frame in marts().items()}
    empty["build"] = marts()["build"].assign(data_start=pd.NaT, data_end=pd.NaT)
    counts = dict.fromkeys(["rows", "users", "closed_rows", "dates"], 0)
    empty["data"] = pd.DataFrame([counts]).assign(
        first_date=pd.NaT, last_date=pd.NaT, horizon_days=np.nan
    )
    return empty


def section(page: str, title: str) -> str:
    return page.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_card_has_the_numbers_of_the_marts() -> None:
    page = card.page(marts(), "Hello.")
    assert page.startswith("# Model card: churn\n\nHello.\n\n## What it says")
    assert "14 days after the as_of_date" in section(page, "What it says")
    assert "| users | 99 |" in section(page, "Data")
    quality = section(page, "How good it is")
    assert "| `roc_auc` | 0.700 [0.600, 0.800] | 0.800 [0.700, 0.900] |" in quality
    assert "| `shipped` less | `recency_rule` |" in quality
    assert "| `roc_auc` | 0.100 [0.000, 0.200] |" in quality
    assert "40 rows, of which 25.0 % churned" in quality
    assert "| 2026-03-08 | 20 | 0.790 [0.690, 0.890] |" in quality
    assert "**New users** (8 rows" in quality
    assert "2 as_of dates, 2026-03-01, 2026-03-08" in section(page, "How it is tested")
    assert "| **`logistic`** | 0.400 |" in section(page, "Which model, and why")
    assert "Shipped: the best." in page


def test_the_weights_are_those_of_users_who_are_not_new_by_size() -> None:
    terms = section(card.page(marts(), ""), "What moves the score")
    assert terms.index("| `events_7` | -0.700 |") < terms.index("`recency_days`")
    assert "tenure_days" not in terms
    assert "intercept" not in terms


def test_a_model_that_is_no_sum_of_terms_has_no_weights() -> None:
    given = marts() | {"scorecard": marts()["scorecard"].head(0)}
    assert "not a sum of terms" in section(card.page(given, ""), "What moves the score")


def test_a_kept_model_has_a_table_once_later_dates_have_closed() -> None:
    title = "Test dates since the kept model, `frozen`, was trained"
    given = marts()
    assert title not in card.page(given, "")
    waiting = pd.DataFrame(metric_rows("kept", "frozen", np.nan, rows=0))
    given["metrics"] = pd.concat([marts()["metrics"], waiting])
    assert title not in card.page(given, "")
    closed = pd.DataFrame(metric_rows("kept", "frozen", 0.75))
    given["metrics"] = pd.concat([marts()["metrics"], closed])
    assert f"**{title}** (40 rows" in card.page(given, "")


def test_what_is_not_known_yet_is_said() -> None:
    page = card.page(nothing(), "")
    assert "No date could be tested yet" in section(page, "How it is tested")
    assert "Not known yet." in section(page, "How good it is")
    assert "Not known yet." in section(page, "Do the probabilities mean what they say")
    assert "Nothing could be chosen yet" in section(page, "Which model, and why")
    assert "nan" not in page.lower().replace("finance", "")
    assert "NaT" not in page


@pytest.mark.parametrize(("given", "dots"), [(marts(), 10), (nothing(), 0)])
def test_the_plot_has_a_dot_per_bin(given: dict[str, pd.DataFrame], dots: int) -> None:
    plot = card.files(given, "")[card.PLOT_FILE]
    root = ElementTree.fromstring(plot)
    assert len(root.findall(f"{SVG}circle")) == dots
    assert len(root.findall(f"{SVG}path[@class='interval']")) == dots
    assert f"({card.PLOT_FILE})" in card.page(marts(), "")


def test_a_dot_stands_where_the_axes_say() -> None:
    bins = pd.DataFrame(
        {"predicted_rate": [0.0, 1.0, 0.5], "churned_rate": [0.0, 1.0, np.nan]}
    ).assign(ci_low=np.nan, ci_high=np.nan)
    root = ElementTree.fromstring(card.calibration_plot(bins))
    places = [(dot.get("cx"), dot.get("cy")) for dot in root.findall(f"{SVG}circle")]
    low, high = float(card.MARGIN), float(card.SIZE - card.MARGIN)
    assert places == [(f"{low}", f"{high}"), (f"{high}", f"{low}")]
    assert not root.findall(f"{SVG}path[@class='interval']")


def test_the_order_of_the_rows_of_a_mart_changes_nothing() -> None:
    reversed_rows = {name: frame[::-1] for name, frame in marts().items()}
    reversed_rows["choice"] = marts()["choice"]
    assert card.page(reversed_rows, "") == card.page(marts(), "")
