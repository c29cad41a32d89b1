"""A trained churn model in a folder of its own, and the checks before it scores again.

`<folder>/<version>/` holds `model.skops`, the model; `manifest.json`, what it was made
of and the SHA-256 of every other file; and files for readers. The version is the date
that the model was trained at and a hash of the manifest, so a version names its content
to the byte: the same data, settings and library versions give the same one.

Reading one executes nothing that it holds, see `ml.plain`.
"""

import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ml import churn, evaluate, frames, plain
from ml.churn import Model
from ml.features import NAMES, Column, Inputs, data_hash, prepare

TRAIN = "train"  # what var churn_model says for: learn within the build
MODEL_FILE, MANIFEST_FILE = "model.skops", "manifest.json"
VERSION_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")
# Their objects and numbers change between versions, so these must be the manifest's.
REQUIRED_VERSIONS = ("scikit-learn", "numpy")
RECORDED_VERSIONS = (*REQUIRED_VERSIONS, "scipy", "pandas", "skops")
# Far above any model of this project; below what would fill a machine's memory.
MOST_BYTES = 64 * 2**20
GOLDEN_ROWS, GOLDEN_TOLERANCE = 10, 1e-9


class ArtefactError(ValueError):
    """An artefact that is not there or must not be used: which, why, what to do."""


class Artefact(NamedTuple):
    """A model that passed every check of `load`."""

    version: str
    model: Model  # its model_version names the artefact
    manifest: dict[str, Any]


def train(
    features: pd.DataFrame,
    usage: pd.DataFrame,
    labels: pd.DataFrame,
    at: np.datetime64,
    horizon_days: int,
    kind: str,
    settings: churn.Settings = churn.DEFAULTS,
) -> tuple[Model, dict[str, Any]]:
    """The model that `churn.train` gives, and what a manifest says of it.

    Arguments as in `churn.train`. Raises ValueError where there is nothing to learn
    from: no row, or no label that closed in time.
    """
    churn.check_arguments(horizon_days, settings, kind)
    inputs = prepare(features, usage, labels)
    model = churn.fit(inputs, at, horizon_days, settings, kind)
    if model.kind == "none":
        raise ValueError(f"There is nothing to train on: {model.version}.")
    rows = churn.labelled_rows(inputs, at, horizon_days)
    facts = {
        "trained_at": str(np.datetime64(at, "D")),
        "horizon_days": int(horizon_days),
        "kind": model.kind,
        "model_version": model.version,
        "training": _training_facts(inputs, rows),
        "settings": settings._asdict(),
        "features": list(NAMES),
        "versions": installed_versions(),
        "golden_rows": _golden_rows(model, features, usage),
    }
    return model, facts


def contents(
    model: Model, facts: Mapping[str, Any], readable: Mapping[str, str]
) -> tuple[str, dict[str, bytes]]:
    """The version and the files, name -> bytes, of an artefact.

    `facts`: what the manifest says, of JSON's types; `readable`: further files.
    """
    files = {MODEL_FILE: plain.dumped(model)}
    files |= {name: text.encode() for name, text in sorted(readable.items())}
    listed = {
        name: {"sha256": _sha256(content), "bytes": len(content)}
        for name, content in files.items()
    }
    manifest = json.dumps(
        {**facts, "files": listed}, indent=2, ensure_ascii=False, allow_nan=False
    )
    files[MANIFEST_FILE] = f"{manifest}\n".encode()
    return _version(facts["trained_at"], files[MANIFEST_FILE]), files


def write(folder: Path, version: str, files: Mapping[str, bytes]) -> bool:
    """Write the files to `folder/version`, all or nothing; False: it was there already.

    Raises ArtefactError where a folder of that name holds something else.
    """
    final = folder / version
    if final.exists():
        # The manifest is what the version is made of.
        for name, content in files.items():
            if not _holds(final / name, content):
                raise ArtefactError(
                    f"{final} is there already, but its {name} was changed or is "
                    "missing. Remove the folder and train again."
                )
        return False
    folder.mkdir(parents=True, exist_ok=True)
    # A name that `versions` does not take for an artefact.
    unfinished = folder / f".{version}.{os.getpid()}"
    try:
        unfinished.mkdir()
        for name, content in files.items():
            with open(unfinished / name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        os.replace(unfinished, final)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return True


def versions(folder: Path) -> list[str]:
    """The versions in a folder, those trained on the newest date last."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(name for name in names if VERSION_PATTERN.fullmatch(name))


def newest_version(folder: Path) -> str:
    """The version that was trained at the newest date.

    Raises ArtefactError where there is none, or where several share that date: nothing
    in them says which is meant.
    """
    there = versions(folder)
    if not there:
        raise ArtefactError(
            f"There is no trained model in {folder}. Train one: python -m ml train"
        )
    newest = [name for name in there if name[:10] == there[-1][:10]]
    if len(newest) > 1:
        raise ArtefactError(
            f"{folder} holds {len(newest)} models trained at {newest[0][:10]}. Name "
            f"one: {', '.join(newest)}"
        )
    return newest[0]


def load(folder: Path, version: str, horizon_days: int) -> Artefact:
    """The artefact `folder/version`, once everything about it is as it should be.

    In this order: it is there; the manifest is the one that the version names; every
    file has its SHA-256; the library versions, features and horizon are those of now;
    the model file is small and holds no type beyond ALLOWED_TYPES; it is a model; its
    golden rows come out as they did in training. What fails raises ArtefactError in a
    sentence of its own.
    """
    path = folder / version
    if not VERSION_PATTERN.fullmatch(version) or not path.is_dir():
        there = ", ".join(versions(folder)) or "none; train one: python -m ml train"
        raise ArtefactError(
            f"There is no model '{version}' in {folder}. It has: {there}"
        )
    manifest = _checked_manifest(path)
    content = _checked_files(path, manifest)[MODEL_FILE]
    _require_same_versions(version, manifest)
    _require_same_features(version, manifest)
    _require_horizon(version, manifest, horizon_days)
    model = read_model(content, f"{MODEL_FILE} of model {version}")
    _require_golden_rows(version, model, manifest["golden_rows"])
    return Artefact(version, _named(model, version), manifest)


def problem(folder: Path, version: str, horizon_days: int) -> str | None:
    """Why `load` refuses an artefact, None where it does not."""
    try:
        load(folder, version, horizon_days)
    except ArtefactError as error:
        return str(error)
    return None


def kept_model(
    folder: Path, version: str, at: np.datetime64 | None, horizon_days: int
) -> Model:
    """The model of an artefact that is to score the day `at`; None: there is no row.

    Raises ArtefactError as `load` does, and where it was trained later than that day: it
    has seen what the users did afterwards, and its scores would look better than they
    are.
    """
    kept = load(folder, version, horizon_days)
    trained_at = kept.manifest["trained_at"]
    if at is not None and str(at) < trained_at:
        raise ArtefactError(
            f"Model {version} learned from what users did up to {trained_at}; it cannot "
            f"score {at}, whose outcome it has seen. Train one at that date."
        )
    return kept.model


def add_frozen(
    predictions: pd.DataFrame,
    features: pd.DataFrame,
    usage: pd.DataFrame,
    horizon_days: int,
    churn_model: str,
    folder: str | Path,
) -> pd.DataFrame:
    """`evaluate.add_frozen` with the artefact `churn_model`; TRAIN changes nothing."""
    if churn_model == TRAIN:
        return predictions
    kept = load(Path(folder), churn_model, horizon_days)
    trained_at = np.datetime64(kept.manifest["trained_at"])
    return evaluate.add_frozen(predictions, kept.model, trained_at, features, usage)


def installed_versions() -> dict[str, str]:
    """The exact versions that a model depends on, as they are here."""
    libraries = {name: installed_version(name) for name in RECORDED_VERSIONS}
    return {"python": platform.python_version(), **libraries}


def read_model(content: bytes, what: str) -> Model:
    """The model of a file that `plain.dumped` gave; of no other, see `plain.loaded`.

    `what` names the file in the ArtefactError that is raised for any other file.
    """
    try:
        model = plain.loaded(content, (Model, Column))
    except plain.UnreadableError as error:
        raise ArtefactError(f"{what} cannot be read as a model: {error}") from error
    if not isinstance(model, Model):
        raise ArtefactError(
            f"{what} cannot be read as a model: it holds a {type(model).__name__}"
        )
    return model


def golden_frames(rows: list[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Golden rows as the frames `features` and `usage` of `ml.features.prepare`."""
    keys = [
        # In the order of the rows, which `prepare` sorts by user_id.
        {"user_id": f"golden row {number:03d}", "as_of_date": "2000-01-01"}
        for number in range(1, len(rows) + 1)
    ]
    given = zip(keys, rows, strict=True)
    features = pd.DataFrame([key | row["features"] for key, row in given])
    usage = pd.DataFrame(
        [
            key | {"event_name": event, "events_28": count}
            for key, row in zip(keys, rows, strict=True)
            for event, count in row["usage"].items()
        ],
        columns=["user_id", "as_of_date", "event_name", "events_28"],
    )
    return features, usage


def _training_facts(inputs: Inputs, rows: np.ndarray) -> dict[str, Any]:
    """What the labelled rows are that the model learned from."""
    eligible = rows[inputs.is_eligible[rows]]
    new = rows[~inputs.is_eligible[rows]]
    dates = inputs.as_of_date[rows]
    return {
        "first_as_of_date": str(dates.min()),
        "last_as_of_date": str(dates.max()),
        "as_of_dates": len(np.unique(dates)),
        "rows": len(eligible),
        "churned_rows": int(inputs.churned[eligible].sum()),
        "new_user_rows": len(new),
        "churned_new_user_rows": int(inputs.churned[new].sum()),
        "sha256": data_hash(inputs, rows),
    }


def _golden_rows(
    model: Model, features: pd.DataFrame, usage: pd.DataFrame
) -> list[dict[str, Any]]:
    """Rows of the newest date from the lowest to the highest score, and their scores.

    Half of them of eligible users, half of new ones, where there are as many. They
    carry no user_id.
    """
    dates = frames.dates(features, "features", "as_of_date")
    newest = features[dates == dates.max()]
    # The order of `prepare`, so that its rows and these are the same.
    newest = newest.iloc[np.argsort(frames.texts(newest, "features", "user_id"))]
    inputs = prepare(newest, usage)
    with frames.one_thread():
        probability = churn.predict(model, inputs, np.arange(len(newest)))
    chosen = [
        row
        for of_kind in (inputs.is_eligible, ~inputs.is_eligible)
        for row in _spread(np.flatnonzero(of_kind), probability, GOLDEN_ROWS // 2)
    ]
    stored = newest[["segments", "is_eligible", *NAMES]].astype(object)
    return [
        {
            "features": {name: _json(v) for name, v in stored.iloc[row].items()},
            "usage": _usage(inputs, row),
            "churn_probability": float(probability[row]),
        }
        for row in chosen
    ]


def _spread(rows: np.ndarray, probability: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` of the rows, evenly from the lowest probability to the highest."""
    ordered = rows[np.argsort(probability[rows], kind="stable")]
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered)))
    return ordered[places.round().astype("int64")]


def _usage(inputs: Inputs, row: int) -> dict[str, float]:
    counts = inputs.usage[[row]].toarray()[0]
    return {inputs.events[i]: float(counts[i]) for i in np.flatnonzero(counts)}


def _json(value: Any) -> Any:
    """A cell of a frame as a value of JSON, NULL as None."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _checked_manifest(path: Path) -> dict[str, Any]:
    content = _read(path, MANIFEST_FILE)
    if _version(path.name[:10], content) != path.name:
        raise ArtefactError(
            f"{MANIFEST_FILE} of model {path.name} was changed since it was written, or "
            "the folder was renamed: its content is not what the version stands for. "
            "Restore the folder or train again."
        )
    try:
        manifest = json.loads(content)
        for key, kind in {
            "trained_at": str,
            "horizon_days": int,
            "training": dict,
            "features": list,
            "versions": dict,
            "golden_rows": list,
            "files": dict,
        }.items():
            if not isinstance(manifest[key], kind):
                raise TypeError(f"{key} is no {kind.__name__}")
        digests = {name: of["sha256"] for name, of in manifest["files"].items()}
        if MODEL_FILE not in digests or not manifest["golden_rows"]:
            raise ValueError("it lists no model file or no golden row")
        if manifest["trained_at"] != path.name[:10]:
            raise ValueError(f"trained_at is {manifest['trained_at']}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtefactError(
            f"{MANIFEST_FILE} of model {path.name} is not one that this version of the "
            f"project writes: {error}. Train again."
        ) from None
    return manifest


def _checked_files(path: Path, manifest: dict[str, Any]) -> dict[str, bytes]:
    """The content of every file that the manifest lists, each with its checksum."""
    checked = {}
    for name, listed in manifest["files"].items():
        content = _read(path, name)
        if _sha256(content) != listed["sha256"]:
            raise ArtefactError(
                f"{name} of model {path.name} was changed since it was written: its "
                "SHA-256 is not that of the manifest. Restore the folder or train again."
            )
        checked[name] = content
    return checked


def _read(path: Path, name: str) -> bytes:
    file = path / name
    if Path(name).name != name or not file.is_file():
        raise ArtefactError(
            f"Model {path.name} is not whole: {file} is missing. Restore the folder or "
            "train again."
        )
    if file.stat().st_size > MOST_BYTES:
        raise ArtefactError(
            f"{name} of model {path.name} has {file.stat().st_size:,} bytes; a model's "
            f"files have at most {MOST_BYTES:,}. It was not read."
        )
    return file.read_bytes()


def _require_same_versions(version: str, manifest: dict[str, Any]) -> None:
    installed = installed_versions()
    for library in REQUIRED_VERSIONS:
        needed = manifest["versions"].get(library)
        if installed[library] != needed:
            raise ArtefactError(
                f"Model {version} was trained with {library} {needed}, but {library} "
                f"{installed[library]} is installed, which may compute otherwise. "
                "Install that version, or train again, which takes seconds: "
                "python -m ml train"
            )


def _require_same_features(version: str, manifest: dict[str, Any]) -> None:
    given, needed = list(NAMES), manifest["features"]
    if given == needed:
        return
    lacking = [str(name) for name in needed if name not in given]
    added = [name for name in given if name not in needed]
    raise ArtefactError(
        f"Model {version} was trained on other features than ml/features.py has now: "
        f"gone since are {', '.join(lacking) or 'none'}; new are "
        f"{', '.join(added) or 'none'}; the order "
        f"{'differs' if not lacking and not added else 'counts too'}. Train again."
    )


def _require_horizon(version: str, manifest: dict[str, Any], horizon: int) -> None:
    if horizon != manifest["horizon_days"]:
        raise ArtefactError(
            f"Model {version} looks {manifest['horizon_days']} days ahead, but var "
            f"churn: horizon_days is {horizon}. Train one for that horizon."
        )


def _require_golden_rows(
    version: str, model: Model, rows: list[dict[str, Any]]
) -> None:
    try:
        inputs = prepare(*golden_frames(rows))
        with frames.one_thread():
            given = churn.predict(model, inputs, np.arange(len(rows)))
        stored = [float(row["churn_probability"]) for row in rows]
    except Exception as error:
        raise ArtefactError(
            f"Model {version} cannot score its own golden rows: {error}"
        ) from error
    for number, (now, then) in enumerate(zip(given, stored, strict=True), start=1):
        if not abs(now - then) <= GOLDEN_TOLERANCE:
            raise ArtefactError(
                f"Model {version} gives golden row {number} the probability "
                f"{now:.12f}; in training it was {then:.12f}. The code or the machine "
                "computes otherwise than then. Train again."
            )


def _named(model: Model, version: str) -> Model:
    """The model, and that of new users, with the artefact in its version."""
    new_users = model.new_users and _named(model.new_users, version)
    told = f"{model.version} (artefact {version})"
    return model._replace(version=told, new_users=new_users)


def _version(trained_at: str, manifest: bytes) -> str:
    return f"{trained_at}-{_sha256(manifest)[:12]}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
