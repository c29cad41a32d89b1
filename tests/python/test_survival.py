"""Kaplan-Meier in SQL, held against a textbook's numbers and against plain loops."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import duckdb
import pandas as pd
import pytest

from tests.conformance.render import render

Times = list[tuple[int, bool]]
Z = 1.959963984540054

# Weeks of remission under 6-MP, of 21 patients; false: still in remission when last seen.
# Freireich et al. 1963, the worked example of many textbooks, with the survival function
# that they print.
REMISSION: Times = [
    *[(6, True), (6, True), (6, True), (6, False), (7, True), (9, False), (10, True)],
    *[(10, False), (11, False), (13, True), (16, True), (17, False), (19, False)],
    *[(20, False), (22, True), (23, True), (25, False), (32, False), (32, False)],
    *[(34, False), (35, False)],
]
PRINTED = {
    5: 1.0,
    6: 0.857,
    7: 0.807,
    9: 0.807,
    10: 0.753,
    13: 0.690,
    16: 0.627,
    22: 0.538,
    23: 0.448,
    35: 0.448,
}
PRINTED_ERROR = {6: 0.0764, 10: 0.0963, 23: 0.1346}  # Greenwood


@pytest.fixture(scope="module")
def curve_sql() -> str:
    [sql] = render([("kaplan_meier", {"times": "times", "last_day": 40})])
    return sql


def curves(sql: str, slices: dict[str, Times]) -> dict[tuple[str, int], tuple]:
    """(value, day) -> at risk, returned, censored, away rate, its interval, returned."""
    rows = [
        (value, days, is_return)
        for value, times in slices.items()
        for days, is_return in times
    ]
    frame = pd.DataFrame(rows, columns=["segment_value", "days", "is_return"]).astype(
        {"segment_value": "string", "days": "int64", "is_return": "bool"}
    )
    with duckdb.connect() as connection:
        connection.register("times", frame.assign(segment="group"))
        rows = connection.execute(f"""
            select segment_value, day, at_risk_users, returned_users, censored_users,
                away_rate, ci_low, ci_high, returned_rate
            from ({sql})
        """).fetchall()
    assert len(rows) == 41 * len(slices)
    return {(value, day): tuple(rest) for value, day, *rest in rows}


def counted(times: Times) -> list[tuple]:
    """The same by its definition, in exact fractions: one row per day."""
    away, greenwood, rows = Fraction(1), Fraction(0), []
    for day in range(41):
        at_risk = sum(days >= day for days, _ in times)
        returned = sum(days == day and is_return for days, is_return in times)
        censored = sum(days == day and not is_return for days, is_return in times)
        if returned:
            away *= Fraction(at_risk - returned, at_risk)
        if returned and at_risk > returned:
            greenwood += Fraction(returned, at_risk * (at_risk - returned))
        rate = float(away) if at_risk or away == 0 else None
        low = high = None
        if rate is not None and 0 < rate < 1:
            error = math.sqrt(greenwood) / math.log(away)
            low, high = (rate ** math.exp(sign * Z * error) for sign in (-1, 1))
        rows.append((at_risk, returned, censored, rate, low, high))
    return rows


def test_the_estimate_is_the_textbook_s(curve_sql):
    found = curves(curve_sql, {"6-MP": REMISSION})
    for week, printed in PRINTED.items():
        assert found["6-MP", week][3] == pytest.approx(printed, abs=5e-4), week
    for week, printed in PRINTED_ERROR.items():
        _, _, _, rate, low, high, _ = found["6-MP", week]
        # The interval's half width on the log-log scale is z times the error there.
        for end in (low, high):
            width = abs(math.log(math.log(end) / math.log(rate)))
            error = width / Z * rate * abs(math.log(rate))
            assert error == pytest.approx(printed, abs=5e-5), week


@pytest.mark.parametrize("seed", range(20))
def test_the_estimate_equals_a_count_day_by_day(curve_sql, seed):
    draw = random.Random(seed)
    slices = {
        f"group {number}": [
            (draw.randint(0, draw.choice([1, 5, 40])), draw.random() < share)
            for _ in range(draw.choice([1, 2, 30, 300]))
        ]
        for number, share in enumerate([0.0, 0.3, 0.8, 1.0])
    }
    found = curves(curve_sql, slices)
    for value, times in slices.items():
        for day, expected in enumerate(counted(times)):
            *row, returned_rate = found[value, day]
            assert row[:3] == list(expected[:3])
            for got, wanted in zip(row[3:], expected[3:], strict=True):
                assert (got is None) == (wanted is None), (value, day)
                if wanted is not None:
                    assert got == pytest.approx(wanted, abs=1e-9)
            if row[3] is None:
                assert returned_rate is None
            else:
                assert returned_rate == pytest.approx(1 - row[3], abs=1e-12)


def test_no_users_give_no_curve(curve_sql):
    assert curves(curve_sql, {}) == {}
