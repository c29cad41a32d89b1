"""Why a user's risk is high: the model's own terms, in words a product manager uses."""

from collections.abc import Sequence

import numpy as np

from ml import candidates, features
from ml.candidates import Scorer
from ml.features import Column, Inputs, design_matrix

TOP = 3
# In log-odds: what raises the odds by less than a tenth is not offered as a reason.
LEAST_CONTRIBUTION = 0.1
# A value this near to the typical one, relatively, would read as "5 (typical: 5)".
LEAST_DEVIATION = 0.05
# Said after the typical value: a new user is measured against new users.
ALL_USERS, NEW_USERS = "", " among new users"


def families(columns: Sequence[Column]) -> dict[str, list[int]]:
    """Feature family -> positions of its columns, in order of first appearance."""
    members: dict[str, list[int]] = {}
    for position, column in enumerate(columns):
        members.setdefault(column.family, []).append(position)
    return members


def top_reasons(
    scorer: Scorer,
    columns: Sequence[Column],
    inputs: Inputs,
    rows: np.ndarray,
    among: str = ALL_USERS,
) -> np.ndarray:
    """The up to three families that raise each user's log-odds most, as sentences.

    A family counts as much as the log-odds would fall if its columns were typical, see
    `candidates.effects`. It is told by one of them: the one that alone does most among
    those whose value deviates from the typical one in the direction that reads as a
    risk, or, where there is none, in the other one. `among` says whose typical values
    the columns hold.
    Returns (len(rows), 3) of str, None where there are fewer reasons.
    """
    told = np.full((len(rows), TOP), None, dtype=object)
    if not columns or not len(rows):
        return told
    matrix = design_matrix(columns, inputs, rows)
    members = list(families(columns).values())
    alone = candidates.effects(scorer, matrix, [[i] for i in range(len(columns))])
    moved = _of_families(scorer, matrix, members, alone)
    claims = _claims(columns, matrix, alone, inputs, rows)
    speakers = np.zeros(moved.shape, dtype="int64")
    for family, positions in enumerate(members):
        speakers[:, family] = np.array(positions)[claims[:, positions].argmax(axis=1)]
        has_words = np.isfinite(claims[:, positions].max(axis=1))
        moved[~has_words, family] = -np.inf
    ranked = np.argsort(-moved, axis=1, kind="stable")[:, :TOP]
    for place in range(ranked.shape[1]):
        family = ranked[:, [place]]
        is_reason = np.take_along_axis(moved, family, 1)[:, 0] >= LEAST_CONTRIBUTION
        speaker = np.take_along_axis(speakers, family, 1)[:, 0]
        for position in np.unique(speaker[is_reason]):
            chosen = is_reason & (speaker == position)
            told[chosen, place] = _sentences(
                columns[position], inputs, rows[chosen], among
            )
    return told


def show(value: float, unit: str) -> str:
    """A value with its unit: '12 days', '0.4 times', '35 %', '3 hours', 'not yet'."""
    if unit == "share":
        return f"{value * 100:.0f} %"
    if unit == "flag":
        return "has" if value >= 0.5 else "not yet"
    if unit == "second":
        return _show_duration(value)
    number = show_number(value)
    if unit == "ratio":
        return f"{number} times"
    if number == "1":
        return f"1 {unit}"
    if unit == "kind of event":
        return f"{number} kinds of event"
    return f"{number} {unit}s"


def show_number(value: float) -> str:
    """One decimal below ten where it is needed, none from ten on."""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")


def recency_reason(recency_days: float, typical: float) -> str:
    """The one reason that the recency rule can give."""
    phrase = features.BY_NAME["recency_days"].phrase
    return phrase.format(value=show(recency_days, "day"), typical=show_number(typical))


def _of_families(
    scorer: Scorer, matrix: np.ndarray, members: list[list[int]], alone: np.ndarray
) -> np.ndarray:
    """What each family does; that of one column is what the column does alone."""
    moved = np.zeros((len(matrix), len(members)))
    several = [i for i, positions in enumerate(members) if len(positions) > 1]
    single = [i for i, positions in enumerate(members) if len(positions) == 1]
    moved[:, single] = alone[:, [members[i][0] for i in single]]
    moved[:, several] = candidates.effects(
        scorer, matrix, [members[i] for i in several]
    )
    return moved


def _claims(
    columns: Sequence[Column],
    matrix: np.ndarray,
    alone: np.ndarray,
    inputs: Inputs,
    rows: np.ndarray,
) -> np.ndarray:
    """How well each column tells its family's reason; -inf where it cannot.

    `alone` is what each column does by itself, (len(rows), columns).
    """
    claims = np.full(matrix.shape, -np.inf)
    for position, column in enumerate(columns):
        value, given = matrix[:, position], alone[:, position]
        if column.kind in ("segment", "missing"):
            # Only a level that the user has can be named, not one that he lacks.
            expected, unexpected = value > 0, np.zeros(len(rows), dtype=bool)
        else:
            expected, unexpected = _deviations(column, inputs, rows)
        # Shifted by more than any contribution, so that it comes second.
        claims[:, position] = np.where(unexpected & (given > 0), given - 1e6, -np.inf)
        claims[expected & (given > 0), position] = given[expected & (given > 0)]
    return claims


def _deviations(
    column: Column, inputs: Inputs, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where a value deviates as a risk is expected to, and where the other way."""
    value = features.raw_values(column, inputs, rows)
    least = LEAST_DEVIATION * abs(column.typical) + 1e-9
    higher = value > column.typical + least
    lower = value < column.typical - least
    if column.kind == "usage":
        usual = "low" if column.family == features.ACTIVITY else "either"
    else:
        usual = features.BY_NAME[column.source].usual_risk
    if usual == "either":
        return higher | lower, np.zeros(len(rows), dtype=bool)
    return (higher, lower) if usual == "high" else (lower, higher)


def _sentences(
    column: Column, inputs: Inputs, rows: np.ndarray, among: str
) -> np.ndarray:
    if column.kind == "segment":
        level = "rare" if column.level == features.POOLED_LEVEL else column.level
        return np.full(len(rows), f"{column.source} is {level}", dtype=object)
    if column.kind == "missing":
        words = features.MISSING_PHRASES[column.source]
        return np.full(len(rows), words, dtype=object)
    if column.kind == "usage":
        unit = "time"
        phrase = column.source.replace("{", "{{").replace("}", "}}")
        phrase += ": {value} in the last 28 days (typical: {typical})"
    else:
        unit = features.BY_NAME[column.source].unit
        phrase = features.BY_NAME[column.source].phrase
    has_unit = unit in ("share", "second")
    typical = show(column.typical, unit) if has_unit else show_number(column.typical)
    typical += among
    distinct, codes = np.unique(
        features.raw_values(column, inputs, rows), return_inverse=True
    )
    words = [phrase.format(value=show(v, unit), typical=typical) for v in distinct]
    return np.array(words, dtype=object)[codes]


def _show_duration(seconds: float) -> str:
    for name, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return show(seconds / length, name)
    return "under a minute"
