"""What comes in and what goes out: checks, types and rounding of DataFrames."""

import difflib
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

SIGNIFICANT_DIGITS = 12
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, so that sums are taken in one order on any machine.

    The limit is the process's own. dbt may run two Python models at once, and the first
    to end would lift it under the other, so they wait for each other.
    """
    with _ONE_AT_A_TIME, threadpool_limits(limits=1):
        yield


def require_columns(frame: pd.DataFrame, name: str, columns: Iterable[str]) -> None:
    """Raise ValueError naming every column of `columns` that `frame` lacks."""
    present = [str(column) for column in getattr(frame, "columns", ())]
    problems = []
    for column in columns:
        if column not in present:
            close = difflib.get_close_matches(column, present, n=1, cutoff=0.6)
            hint = f"nearest is '{close[0]}'" if close else "nothing is close to it"
            problems.append(f"'{column}' ({hint})")
    if problems:
        has = ", ".join(present) or "none"
        raise ValueError(f"{name}: missing column {', '.join(problems)}; has: {has}.")


def require_whole_number(name: str, value: Any, lowest: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least `lowest`."""
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or value < lowest:
        raise ValueError(
            f"{name}: given {value!r}, allowed is a whole number from {lowest} up."
        )


def require_unique(frame: pd.DataFrame, name: str, keys: list[str]) -> None:
    """Raise ValueError with the first repeated key: a fan-out must not train twice."""
    repeated = frame.duplicated(keys)
    if repeated.any():
        first = frame.loc[repeated, keys].iloc[0].to_dict()
        shown = ", ".join(f"{key}={value}" for key, value in first.items())
        raise ValueError(
            f"{name}: {int(repeated.sum())} rows repeat ({', '.join(keys)}), the first "
            f"is {shown}; allowed is one row each."
        )


def texts(frame: pd.DataFrame, name: str, column: str) -> np.ndarray:
    """A text column as an object array of str. NULL raises ValueError."""
    values = frame[column]
    if values.isna().any():
        raise ValueError(f"{name}: column '{column}' holds NULL; allowed is text.")
    # Text repeats, so most of it is looked at once.
    codes, distinct = pd.factorize(values)
    return np.array([str(value) for value in distinct], dtype=object)[codes]


def dates(frame: pd.DataFrame, name: str, column: str) -> np.ndarray:
    """A date, timestamp or ISO text column as datetime64[D]. NULL raises ValueError."""
    try:
        values = pd.to_datetime(frame[column])
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: column '{column}' holds no dates: {error}") from None
    if values.isna().any():
        raise ValueError(f"{name}: column '{column}' holds NULL; allowed is a date.")
    if getattr(values.dtype, "tz", None) is not None:
        values = values.dt.tz_localize(None)
    return values.to_numpy(dtype="datetime64[D]")


def numbers(frame: pd.DataFrame, name: str, column: str) -> np.ndarray:
    """A column of counts, days, ratios or flags as float64, NULL as NaN.

    Text, infinity or a negative value raises ValueError: none of them can be meant,
    and a negative recency would be a look into the future.
    """
    try:
        values = pd.to_numeric(frame[column]).to_numpy(dtype="float64", na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{name}: column '{column}' holds no numbers: {error}"
        ) from None
    wrong = np.isinf(values) | (values < 0)
    if wrong.any():
        raise ValueError(
            f"{name}: column '{column}' holds {values[wrong][0]:g} in "
            f"{int(wrong.sum())} rows; allowed is 0 or more, finite, or NULL."
        )
    return values


def flags(frame: pd.DataFrame, name: str, column: str) -> np.ndarray:
    """A boolean column as float64: 1, 0, NULL as NaN."""
    try:
        values = pd.array(frame[column], dtype="boolean")
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{name}: column '{column}' holds no booleans: {error}"
        ) from None
    return values.to_numpy(dtype="float64", na_value=np.nan)


def round_significant(
    values: np.ndarray, digits: int = SIGNIFICANT_DIGITS
) -> np.ndarray:
    """Round to significant digits, so that the last bits of a sum do not matter."""
    values = np.asarray(values, dtype="float64")
    usable = np.isfinite(values) & (values != 0)
    magnitude = np.zeros(values.shape)
    magnitude[usable] = np.floor(np.log10(np.abs(values[usable])))
    # Below 1e-290 the scale itself would overflow; such a value is zero here.
    usable &= magnitude > -290
    decimals = np.where(usable, digits - 1 - magnitude, 0)
    rounded = np.where(np.isfinite(values) & ~usable, 0.0, values)
    # Dividing by a power of ten is exact to the last bit, multiplying by 1e-k is not.
    up, down = decimals >= 0, decimals < 0
    scale = 10.0 ** np.abs(decimals)
    with np.errstate(invalid="ignore"):
        rounded = np.where(usable & up, np.round(values * scale) / scale, rounded)
        rounded = np.where(usable & down, np.round(values / scale) * scale, rounded)
    return rounded


def typed(columns: Mapping[str, Any], types: Mapping[str, str]) -> pd.DataFrame:
    """A DataFrame of `types`, in their order, in which what is not known is NULL.

    The types are pandas' nullable ones, so that DuckDB sees NULL and never NaN, and
    so that an empty frame still has them.
    """
    frame = {}
    for column, dtype in types.items():
        values = columns[column]
        if dtype == "Float64":
            values = np.array(values, dtype="float64")
            values[~np.isfinite(values)] = np.nan
            values = round_significant(values)
        if dtype.startswith("datetime64"):
            values = np.array(values, dtype=dtype)
        frame[column] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(frame)
