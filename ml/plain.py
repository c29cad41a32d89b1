"""Plain data as bytes, of which reading executes nothing.

Plain are numbers, texts, lists, dictionaries, arrays, DataFrames, the named tuples that
the reader expects, and the trees of boosted trees. skops builds known types only, and
which those are is decided here, by ALLOWED_TYPES, never by the file. Pickle and joblib,
which run whatever the file says, are not used.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io

# Types beyond plain data that a file may hold. The trees of scikit-learn's histogram
# gradient boosting are arrays; skops does not know that they are harmless.
ALLOWED_TYPES = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
MOST_MEMBERS = 20_000  # far above any model of this project
# Members of a zip file have a time; this is the earliest that one can have.
NO_TIME = (1980, 1, 1, 0, 0, 0)


class UnreadableError(ValueError):
    """Bytes that are not what `dumped` gives: why."""


def dumped(value: Any) -> bytes:
    """The value as a skops file, the same bytes whenever the value is the same.

    skops names objects and members by their address in memory, and a zip file keeps
    the time of writing: both are replaced, by a count and by NO_TIME.
    """
    given = zipfile.ZipFile(io.BytesIO(skops.io.dumps(_plain(value))))
    schema = json.loads(given.read("schema.json"))
    members: dict[str, str] = {}
    ids: dict[int, int] = {}
    for number, node in enumerate(_nodes(schema)):
        if "__id__" in node:
            # Whether two equal texts or numbers are one object is up to the
            # interpreter, so each of them counts alone.
            is_shared = node.get("__loader__") != "JsonNode"
            key = node["__id__"] if is_shared else -number
            node["__id__"] = ids.setdefault(key, len(ids))
        if "file" in node:
            name = node["file"]
            node["file"] = members.setdefault(
                name, f"{len(members)}{Path(name).suffix}"
            )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, new_name in members.items():
            archive.writestr(zipfile.ZipInfo(new_name, NO_TIME), given.read(name))
        text = json.dumps(schema, separators=(",", ":"))
        archive.writestr(zipfile.ZipInfo("schema.json", NO_TIME), text)
    return written.getvalue()


def loaded(content: bytes, shapes: Sequence[type]) -> Any:
    """The value that `dumped` made `content` of; `shapes` are its named tuples.

    Anything else raises UnreadableError: what is no whole zip file or would unpack to
    more than it is, holds a type beyond ALLOWED_TYPES, or a named tuple that is not
    among `shapes` or has other fields.
    """
    _require_small(content)
    try:
        found = skops.io.get_untrusted_types(data=content)
        others = sorted(set(found) - set(ALLOWED_TYPES))
        if not others:
            trusted = skops.io.loads(content, trusted=list(ALLOWED_TYPES))
            return _restored(trusted, {shape.__name__: shape for shape in shapes})
    except Exception as error:
        # Whatever bytes may make a reader raise, they are not ours.
        raise UnreadableError(str(error)) from error
    raise UnreadableError(
        f"it holds types that it has no use for: {', '.join(others)}. Allowed beside "
        f"plain data is {', '.join(ALLOWED_TYPES)}. It was not loaded."
    )


def _require_small(content: bytes) -> None:
    """No compressed member, few members, and no more bytes than the file has."""
    try:
        members = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except Exception as error:
        raise UnreadableError(f"it is not a whole zip file: {error}.") from None
    unpacked = sum(member.file_size for member in members)
    is_packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if is_packed or unpacked > len(content) or len(members) > MOST_MEMBERS:
        raise UnreadableError(
            f"it would unpack to {unpacked:,} bytes in {len(members):,} members; "
            f"allowed are at most {MOST_MEMBERS:,} members, not compressed, and no more "
            f"bytes than the file has ({len(content):,}). It was not loaded."
        )


def _plain(value: Any) -> Any:
    """Named tuples as dictionaries that say their name, DataFrames as Parquet."""
    if isinstance(value, pd.DataFrame):
        parquet = value.to_parquet(index=False)
        return {"data_frame": np.frombuffer(parquet, dtype="uint8")}
    if hasattr(value, "_fields"):
        fields = {name: _plain(getattr(value, name)) for name in value._fields}
        return {"named_tuple": type(value).__name__, "fields": fields}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return (
        {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value
    )


def _restored(value: Any, shapes: dict[str, type]) -> Any:
    """The inverse of `_plain`. Another set of fields raises TypeError."""
    if isinstance(value, list | tuple):
        return type(value)(_restored(item, shapes) for item in value)
    if not isinstance(value, dict):
        return value
    if set(value) == {"data_frame"}:
        return pd.read_parquet(io.BytesIO(value["data_frame"].tobytes()))
    if set(value) != {"named_tuple", "fields"}:
        return {key: _restored(item, shapes) for key, item in value.items()}
    shape, fields = shapes[value["named_tuple"]], value["fields"]
    if set(fields) != set(shape._fields):
        raise TypeError(
            f"a {shape.__name__} of this version of the project has the fields "
            f"{', '.join(shape._fields)}, not {', '.join(fields)}"
        )
    return shape(**{name: _restored(item, shapes) for name, item in fields.items()})


def _nodes(state: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary in a tree of JSON, parents first, in the order of the file."""
    if isinstance(state, dict):
        yield state
    children = state.values() if isinstance(state, dict) else state
    for child in children if isinstance(state, dict | list) else ():
        yield from _nodes(child)
