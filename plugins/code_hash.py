"""Says whether the project's SQL is the same as at another time."""

from __future__ import annotations

import hashlib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def code_hash(folder: str) -> str:
    """A hash of all SQL files of a folder of the project, names and contents."""
    digest = hashlib.sha256()
    for path in sorted((PROJECT / folder).rglob("*.sql")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(PROJECT)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
