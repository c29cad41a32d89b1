"""The folder in which `ml.memory` keeps what Python models have computed."""

from __future__ import annotations

import shutil
from pathlib import Path

from dbt.flags import get_flags


def forget_on_full_refresh(warehouse: Path) -> None:
    """Removes the results where dbt was called with --full-refresh."""
    if getattr(get_flags(), "FULL_REFRESH", False):
        shutil.rmtree(warehouse / "models" / "remembered", ignore_errors=True)
