"""Which as_of_dates may be learnt from, and which are tested on.

A label at as_of_date d looks at (d, d + horizon]. It may be learnt from at a later date
t only when that window has ended by then: d <= t - horizon. The gap between the newest
such d and t is the embargo; without it the model would be taught with days that it is
tested on. scikit-learn's TimeSeriesSplit counts rows, not days, and cannot say this.
"""

import numpy as np


def embargoed_dates(
    dates: np.ndarray, at: np.datetime64, horizon_days: int
) -> np.ndarray:
    """Those of `dates` (sorted, unique) whose label windows have ended by `at`."""
    dates = np.unique(dates)
    return dates[dates <= at - np.timedelta64(horizon_days, "D")]


def evaluation_dates(
    dates: np.ndarray, labelled: np.ndarray, horizon_days: int, count: int
) -> np.ndarray:
    """The last `count` labelled dates that have embargoed dates to learn from.

    `dates` are the as_of_dates of the rows, `labelled` says which rows have a closed
    label and may be learnt from.
    """
    closed = np.unique(dates[labelled])
    usable = [d for d in closed if len(embargoed_dates(closed, d, horizon_days))]
    return np.array(usable[-count:], dtype="datetime64[D]")


def calibration_dates(dates: np.ndarray, horizon_days: int) -> np.ndarray:
    """An earlier and a later date to fit and to check a calibration on, or none.

    Both have a label window of their own, and dates before them to train on: the later
    one is the newest of `dates`, the earlier one at least a horizon before it.
    """
    dates = np.unique(dates)
    chosen = []
    while len(dates) and len(chosen) < 2:
        later = dates[-1]
        dates = embargoed_dates(dates, later, horizon_days)
        if len(dates):
            chosen.append(later)
    return np.array(chosen[::-1], dtype="datetime64[D]")


def selection_dates(
    dates: np.ndarray,
    labelled: np.ndarray,
    tested: np.ndarray,
    horizon_days: int,
    count: int,
) -> np.ndarray:
    """The last `count` dates to choose a model on: closed when the first of `tested` came.

    So that what is tested is a choice made without any day that it is tested on.
    Arguments as in `evaluation_dates`.
    """
    if not len(tested):
        return np.array([], dtype="datetime64[D]")
    early = embargoed_dates(dates, tested.min(), horizon_days)
    labelled = labelled & np.isin(dates, early)
    return evaluation_dates(dates, labelled, horizon_days, count)
