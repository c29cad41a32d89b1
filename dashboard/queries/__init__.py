"""One typed function per chart, over the published marts: a module per page.

Every function takes the build, which keys its cache, and returns rows ready to draw
with the SQL that gave them (Result).
Users have one value per segment, so counts of several values add up, and rates are
made of sums. Parameters are bound.
"""

from dashboard.queries import (
    ask,
    build,
    churn,
    features,
    funnels,
    lifecycle,
    overview,
    paths,
    quality,
    retention,
    user,
    user_segments,
)
from dashboard.queries.common import SMALL_GROUP, Period, Result, Slice, matching

__all__ = [
    "SMALL_GROUP",
    "Period",
    "Result",
    "Slice",
    "ask",
    "build",
    "churn",
    "features",
    "funnels",
    "lifecycle",
    "matching",
    "overview",
    "paths",
    "quality",
    "retention",
    "user",
    "user_segments",
]
