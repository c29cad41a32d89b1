"""Trained models that are kept: the same to the byte, and refused unless they are."""

import hashlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn import metrics as reference
from test_ml_inputs import HORIZON, Frames, joining, product, shuffled

from ml import artefact, churn, evaluate, plain
from ml.artefact import ArtefactError
from ml.candidates import KINDS, Settings
from ml.features import NAMES

ROOT = Path(__file__).resolve().parents[2]
DAY = np.datetime64("2026-12-31")  # later than any of the frames
KIND = "boosted_trees"  # the one with the most in it
READABLE = {"model_card.md": "# A card\n"}


@pytest.fixture(scope="module")
def frames() -> Frames:
    return joining(users=300)


@pytest.fixture(scope="module")
def trained(frames) -> tuple[str, dict[str, bytes]]:
    return artefact.contents(*trained_on(frames), READABLE)


@pytest.fixture
def folder(tmp_path, trained) -> Path:
    artefact.write(tmp_path / "models", *trained)
    return tmp_path / "models"


def resealed(folder: Path, version: str, change: Callable[[dict], Any]) -> str:
    """The version after a change of its manifest, with every checksum made right."""
    path = folder / version
    manifest = json.loads((path / "manifest.json").read_text())
    change(manifest)
    for name, listed in manifest["files"].items():
        if listed:
            digest = hashlib.sha256((path / name).read_bytes()).hexdigest()
            listed["sha256"] = digest
    content = json.dumps(manifest).encode()
    (path / "manifest.json").write_bytes(content)
    new = f"{version[:10]}-{hashlib.sha256(content).hexdigest()[:12]}"
    path.rename(folder / new)
    return new


def refusal(folder: Path, version: str, horizon: int = HORIZON) -> str:
    with pytest.raises(ArtefactError) as error:
        artefact.load(folder, version, horizon)
    return str(error.value)


def with_model_file(folder: Path, version: str, content: bytes) -> str:
    (folder / version / "model.skops").write_bytes(content)
    return resealed(folder, version, lambda manifest: None)


def trained_on(
    frames: Frames,
    kind: str = KIND,
    horizon: int = HORIZON,
    settings: Settings = churn.DEFAULTS,
) -> tuple[churn.Model, dict[str, Any]]:
    """A model of their newest date, and what its manifest says."""
    at = np.datetime64(frames[0]["as_of_date"].max(), "D")
    return artefact.train(*frames, at, horizon, kind, settings)


def assert_same_scores(frames: Frames, folder: Path, kind: str = KIND) -> pd.DataFrame:
    """What an artefact of the frames scores is what a build that trains scores."""
    version, files = artefact.contents(*trained_on(frames, kind), {})
    artefact.write(folder, version, files)
    features, usage, _ = frames
    newest = features[features["as_of_date"] == features["as_of_date"].max()]
    model = artefact.kept_model(folder, version, DAY, HORIZON)
    kept = churn.ranked([churn.score(model, newest, usage)])
    now = churn.score_users(*frames, HORIZON, kind=kind)
    told = now["model_version"] + f" (artefact {version})"
    pd.testing.assert_frame_equal(
        kept, now.assign(model_version=told), check_exact=True
    )
    return kept


@pytest.mark.parametrize("kind", KINDS)
def test_a_kept_model_scores_as_the_one_that_a_build_trains(frames, tmp_path, kind):
    scores = assert_same_scores(frames, tmp_path, kind)
    assert scores["is_new_user"].nunique() == 2
    assert scores["model_version"].nunique() == 2
    of_eligible = scores.loc[~scores["is_new_user"], "model_version"]
    assert of_eligible.str.startswith(f"{kind}-").all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_data_in_any_order_gives_the_same_bytes(frames, kind):
    first, again = (
        artefact.contents(*trained_on(given, kind), READABLE)
        for given in (frames, tuple(shuffled(frame) for frame in frames))
    )
    assert first == again


def test_a_kept_rule_scores_as_the_one_that_a_build_learns(tmp_path):
    scores = assert_same_scores(product(users=20, dates=10), tmp_path)
    assert scores["model_version"].str.startswith("recency_rule").all()


def test_a_kept_base_rate_scores_as_the_one_that_a_build_learns(tmp_path):
    features, usage, labels = product(users=20, dates=10)
    labels.loc[labels["is_closed"], "is_churned"] = True
    scores = assert_same_scores((features, usage, labels), tmp_path)
    assert scores["model_version"].str.startswith("base_rate").all()


def test_without_a_closed_label_nothing_is_trained():
    features, usage, labels = product(users=5)
    labels = labels.assign(is_closed=False, is_churned=pd.NA)
    with pytest.raises(ValueError, match="nothing to train on: none: no closed label"):
        trained_on((features, usage, labels))


def test_without_a_row_nothing_is_trained():
    nothing = [frame.head(0) for frame in product(users=2)]
    with pytest.raises(ValueError, match="nothing to train on"):
        artefact.train(*nothing, DAY, HORIZON, KIND)


def test_another_process_gives_the_same_bytes(trained):
    code = (
        "from test_ml_inputs import joining\n"
        "from test_ml_artefact import artefact, trained_on\n"
        "trained = trained_on(joining(users=300))\n"
        f"print(artefact.contents(*trained, {READABLE})[0])\n"
    )
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    given = {"PYTHONPATH": paths, "PYTHONHASHSEED": "5", "OMP_NUM_THREADS": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == trained[0]


def test_no_time_and_no_address_is_in_the_model_file(trained):
    archive = zipfile.ZipFile(io.BytesIO(trained[1]["model.skops"]))
    assert {member.date_time for member in archive.infolist()} == {plain.NO_TIME}
    nodes = archive.read("schema.json").decode().count("__id__")
    largest = max(
        int(part.split("}")[0].split(",")[0])
        for part in archive.read("schema.json").decode().split('"__id__":')[1:]
    )
    assert 0 < largest < nodes


@pytest.mark.parametrize("change", ["data", "settings", "horizon", "library"])
def test_what_a_model_is_made_of_is_in_its_version(
    frames, trained, change, monkeypatch
):
    features, usage, labels = frames
    horizon, settings = HORIZON, churn.DEFAULTS
    if change == "data":
        features = features.assign(events_84=features["events_84"] + 1)
    if change == "settings":
        settings = settings._replace(inverse_penalty=1.0)
    if change == "horizon":
        horizon = HORIZON - 7
    if change == "library":
        given = artefact.installed_versions() | {"scipy": "9.9"}
        monkeypatch.setattr(artefact, "installed_versions", lambda: given)
    model, facts = trained_on((features, usage, labels), KIND, horizon, settings)
    assert artefact.contents(model, facts, READABLE)[0] != trained[0]


def test_the_manifest_says_what_the_model_is_made_of(frames, folder, trained):
    manifest = artefact.load(folder, trained[0], HORIZON).manifest
    features, _, labels = frames
    assert manifest["horizon_days"] == HORIZON
    assert manifest["features"] == list(NAMES)
    assert manifest["trained_at"] == f"{features['as_of_date'].max():%Y-%m-%d}"
    known = features.merge(labels[labels["is_closed"]], on=["user_id", "as_of_date"])
    training = manifest["training"]
    assert training["rows"] == known["is_eligible"].sum()
    assert training["new_user_rows"] == (~known["is_eligible"]).sum()
    churned = training["churned_rows"] + training["churned_new_user_rows"]
    assert churned == known["is_churned"].sum()
    assert training["last_as_of_date"] == f"{known['as_of_date'].max():%Y-%m-%d}"
    assert set(manifest["versions"]) == {
        "python", "scikit-learn", "numpy", "scipy", "pandas", "skops"
    }  # fmt: skip
    assert set(manifest["files"]) == {"model.skops", "model_card.md"}


def test_golden_rows_span_both_kinds_of_user_and_name_nobody(frames, folder, trained):
    rows = artefact.load(folder, trained[0], HORIZON).manifest["golden_rows"]
    for is_eligible in (True, False):
        scores = [
            row["churn_probability"]
            for row in rows
            if row["features"]["is_eligible"] is is_eligible
        ]
        assert len(scores) == 5
        assert scores == sorted(scores)
        assert scores[-1] - scores[0] > 0.2
    text = json.dumps(rows)
    assert not any(user in text for user in frames[0]["user_id"].unique())


def test_user_ids_may_be_numbers(frames, tmp_path):
    features, usage, labels = (
        frame.assign(user_id=frame["user_id"].str[1:].astype(int)) for frame in frames
    )
    assert_same_scores((features, usage, labels), tmp_path)


def test_a_second_training_finds_the_first(folder, trained):
    assert not artefact.write(folder, *trained)
    assert artefact.versions(folder) == [trained[0]]


def test_a_changed_model_is_not_overwritten_in_silence(folder, trained):
    (folder / trained[0] / "model_card.md").write_text("better")
    with pytest.raises(ArtefactError, match=r"its model_card\.md was changed"):
        artefact.write(folder, *trained)


def test_a_write_that_fails_leaves_nothing(tmp_path, trained, monkeypatch):
    calls = []

    def full_disk(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        artefact.write(tmp_path, *trained)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_write_left_is_no_model(folder, trained):
    unfinished = folder / f".{trained[0]}.123"
    shutil.copytree(folder / trained[0], unfinished)
    assert artefact.versions(folder) == [trained[0]]


def test_the_newest_model_is_the_one_trained_at_the_latest_date(folder, trained):
    (folder / "2026-01-01-ffffffffffff").mkdir()
    (folder / "notes").mkdir()
    assert artefact.newest_version(folder) == trained[0]


def test_two_models_of_one_date_have_to_be_told_apart(folder, trained):
    other = f"{trained[0][:10]}-ffffffffffff"
    (folder / other).mkdir()
    with pytest.raises(ArtefactError, match=f"{trained[0]}, {other}"):
        artefact.newest_version(folder)


@pytest.mark.parametrize("place", ["", "nowhere"])
def test_without_a_model_the_way_to_one_is_named(tmp_path, place):
    with pytest.raises(ArtefactError, match="python -m ml train"):
        artefact.newest_version(tmp_path / place)


@pytest.mark.parametrize(
    "version", ["2026-04-05-0123456789ab", "latest", "", "../models", "a/b", "."]
)
def test_a_missing_model_is_refused_with_those_that_exist(folder, trained, version):
    said = refusal(folder, version)
    assert f"no model '{version}'" in said
    assert trained[0] in said


@pytest.mark.parametrize("name", ["model.skops", "manifest.json", "model_card.md"])
@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_byte_is_refused_with_its_file(folder, trained, name, place):
    path = folder / trained[0] / name
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    said = refusal(folder, trained[0])
    assert said.startswith(name)
    assert "was changed since it was written" in said


@pytest.mark.parametrize("name", ["model.skops", "manifest.json", "model_card.md"])
def test_a_missing_file_is_named(folder, trained, name):
    (folder / trained[0] / name).unlink()
    said = refusal(folder, trained[0])
    assert "is not whole" in said
    assert name in said


def test_a_renamed_model_is_refused(folder, trained):
    other = f"2027{trained[0][4:]}"
    (folder / trained[0]).rename(folder / other)
    assert "trained_at is" in refusal(folder, other)


def test_a_file_outside_the_folder_is_not_read(folder, trained):
    outside = folder / "secret"
    outside.write_text("not for reading")
    version = trained[0]
    path = folder / version / "manifest.json"
    manifest = json.loads(path.read_text())
    digest = hashlib.sha256(outside.read_bytes()).hexdigest()
    manifest["files"]["../secret"] = {"sha256": digest}
    version = resealed(folder, version, lambda m: m.update(manifest))
    assert "is missing" in refusal(folder, version)


def test_a_truncated_model_file_is_refused(folder, trained):
    content = trained[1]["model.skops"]
    version = with_model_file(folder, trained[0], content[: len(content) // 2])
    assert "not a whole zip file" in refusal(folder, version)


def test_a_model_file_that_unpacks_to_more_is_refused(folder, trained):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.npy", bytes(10**8))
    version = with_model_file(folder, trained[0], bomb.getvalue())
    assert "would unpack to 100,000,000 bytes" in refusal(folder, version)


def test_a_model_file_whose_members_overlap_is_refused(folder, trained):
    # Two entries of the directory that name one and the same stored member.
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("a", bytes(5000))
        writer.filelist.append(writer.filelist[0])
    version = with_model_file(folder, trained[0], archive.getvalue())
    assert "would unpack to 10,000 bytes" in refusal(folder, version)


def test_a_file_too_large_for_a_model_is_not_read(folder, trained):
    with open(folder / trained[0] / "model.skops", "wb") as file:
        file.truncate(artefact.MOST_BYTES + 1)
    said = refusal(folder, trained[0])
    assert "has 67,108,865 bytes" in said
    assert "was not read" in said


class Intruder:
    """Tells when it is made from a file."""

    made = False

    def __setstate__(self, state: dict) -> None:
        Intruder.made = True


def test_a_type_that_a_model_has_no_use_for_is_refused_unloaded(folder, trained):
    intruder = Intruder()
    intruder.harmless = 1
    version = with_model_file(folder, trained[0], skops.io.dumps({"model": intruder}))
    said = refusal(folder, version)
    assert "test_ml_artefact.Intruder" in said
    assert "Allowed beside plain data" in said
    assert not Intruder.made


class Runs:
    """What a pickle runs when it is read."""

    def __reduce__(self) -> tuple:
        return (setattr, (Intruder, "made", True))


def test_a_pickle_is_refused_and_runs_nothing(folder, trained):
    version = with_model_file(folder, trained[0], pickle.dumps(Runs()))
    assert "not a whole zip file" in refusal(folder, version)
    assert not Intruder.made


def test_a_file_of_something_else_is_refused(folder, trained):
    version = with_model_file(folder, trained[0], skops.io.dumps([1, 2]))
    assert "cannot be read as a model: it holds a list" in refusal(folder, version)


def test_a_model_with_other_fields_is_refused(folder, trained):
    fields = {"kind": "logistic", "wheels": 4}
    content = skops.io.dumps({"named_tuple": "Model", "fields": fields})
    version = with_model_file(folder, trained[0], content)
    said = refusal(folder, version)
    assert "cannot be read as a model" in said
    assert "wheels" in said


@pytest.mark.parametrize("library", ["scikit-learn", "numpy"])
def test_another_library_version_is_refused(folder, trained, library):
    installed = artefact.installed_versions()[library]
    version = resealed(
        folder, trained[0], lambda m: m["versions"].update({library: "0.1"})
    )
    said = refusal(folder, version)
    assert f"was trained with {library} 0.1, but {library} {installed} is" in said
    assert "takes seconds: python -m ml train" in said


def test_another_patch_of_another_library_is_taken(folder, trained):
    version = resealed(
        folder, trained[0], lambda m: m["versions"].update({"pandas": "0.1"})
    )
    assert artefact.load(folder, version, HORIZON).version == version


@pytest.mark.parametrize(
    ("features", "parts"),
    [
        (["stars", *NAMES], ["gone since are stars", "new are none"]),
        (list(NAMES[1:]), ["gone since are none", f"new are {NAMES[0]}"]),
        (list(NAMES[::-1]), ["gone since are none", "the order differs"]),
    ],
)
def test_another_list_of_features_is_refused(folder, trained, features, parts):
    version = resealed(folder, trained[0], lambda m: m.update(features=features))
    said = refusal(folder, version)
    for part in ["trained on other features", *parts]:
        assert part in said


def test_another_horizon_is_refused(folder, trained):
    said = refusal(folder, trained[0], horizon=7)
    assert f"looks {HORIZON} days ahead" in said
    assert "horizon_days is 7" in said


@pytest.mark.parametrize("row", [0, 9])
def test_a_golden_row_that_comes_out_otherwise_is_refused(folder, trained, row):
    def change(manifest: dict) -> None:
        manifest["golden_rows"][row]["churn_probability"] += 1e-6

    said = refusal(folder, resealed(folder, trained[0], change))
    assert f"gives golden row {row + 1} the probability" in said


def test_the_last_bits_of_a_golden_row_do_not_matter(folder, trained):
    def change(manifest: dict) -> None:
        manifest["golden_rows"][0]["churn_probability"] += 1e-10

    version = resealed(folder, trained[0], change)
    assert artefact.load(folder, version, HORIZON).version == version


@pytest.mark.parametrize("value", [float("nan"), None, "high"])
def test_a_golden_row_without_a_probability_is_refused(folder, trained, value):
    def change(manifest: dict) -> None:
        manifest["golden_rows"][3]["churn_probability"] = value

    assert "golden row" in refusal(folder, resealed(folder, trained[0], change))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("features"),
        lambda m: m.update(golden_rows=[]),
        lambda m: m.update(horizon_days="28"),
        lambda m: m["files"].pop("model.skops"),
        lambda m: m["files"].update({"model.skops": {}}),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(folder, trained, change):
    version = resealed(folder, trained[0], change)
    assert "is not one that this version" in refusal(folder, version)


def test_a_manifest_that_is_no_json_is_refused(folder, trained):
    content = b"{"
    (folder / trained[0] / "manifest.json").write_bytes(content)
    version = f"{trained[0][:10]}-{hashlib.sha256(content).hexdigest()[:12]}"
    (folder / trained[0]).rename(folder / version)
    assert "is not one that this version" in refusal(folder, version)


def test_a_model_does_not_score_what_it_has_seen_the_outcome_of(folder, trained):
    day = np.datetime64(trained[0][:10])
    with pytest.raises(ArtefactError, match="whose outcome it has seen"):
        artefact.kept_model(folder, trained[0], day - 1, HORIZON)
    for later in (day, day + 1, None):
        artefact.kept_model(folder, trained[0], later, HORIZON)


def test_what_is_wrong_is_told_as_a_text_to_the_build(folder, trained):
    assert artefact.problem(folder, trained[0], HORIZON) is None
    assert "no model 'x'" in artefact.problem(folder, "x", HORIZON)


def test_numbers_of_numpy_are_numbers_in_the_manifest(frames):
    _, facts = trained_on(frames, horizon=np.int64(HORIZON))
    assert json.loads(json.dumps(facts))["horizon_days"] == HORIZON


def known_by(frames: Frames, at: pd.Timestamp, horizon: int = HORIZON) -> Frames:
    """The frames as they were at an earlier date."""
    features, usage, labels = (frame[frame["as_of_date"] <= at] for frame in frames)
    is_closed = labels["as_of_date"] <= at - pd.Timedelta(days=horizon)
    known = labels["is_churned"].where(is_closed)
    return features, usage, labels.assign(is_closed=is_closed, is_churned=known)


@pytest.fixture(scope="module")
def frozen(frames) -> tuple[pd.Timestamp, pd.DataFrame, pd.DataFrame]:
    """When a logistic regression was kept, the predictions and metrics with its own."""
    predicted = evaluate.predict_later_dates(*frames, HORIZON)
    tested = predicted.loc[predicted["split"] == "test", "as_of_date"]
    at = sorted(tested.unique())[1]
    model, _ = trained_on(known_by(frames, at), "logistic")
    features, usage, _ = frames
    day = np.datetime64(at, "D")
    with_its_own = evaluate.add_frozen(predicted, model, day, features, usage)
    metrics = evaluate.backtest(with_its_own, "boosted_trees", resamples=50)
    return at, with_its_own, metrics


def test_a_kept_model_is_tested_on_no_date_that_it_knew(frozen):
    at, predicted, _ = frozen
    has_frozen = predicted["frozen"].notna()
    may_have = (predicted["split"] == "test") & (predicted["as_of_date"] >= at)
    assert (has_frozen == may_have).all()
    assert 0 < predicted.loc[has_frozen, "as_of_date"].nunique() < 3


def test_at_the_date_of_its_training_a_kept_model_is_the_retrained_one(frozen):
    at, predicted, _ = frozen
    then = predicted[predicted["frozen"].notna() & (predicted["as_of_date"] == at)]
    later = predicted[predicted["frozen"].notna() & (predicted["as_of_date"] > at)]
    assert then["is_new_user"].nunique() == 2
    assert then["frozen"].tolist() == then["logistic"].tolist()
    assert later["frozen"].tolist() != later["logistic"].tolist()


def test_the_frozen_split_compares_it_with_retraining_on_the_same_rows(frozen):
    _, predicted, metrics = frozen
    for split, is_new in (("frozen", False), ("frozen new users", True)):
        rows = predicted[
            predicted["frozen"].notna() & (predicted["is_new_user"] == is_new)
        ]
        of_split = metrics[metrics["split"] == split].set_index(["model", "metric"])
        assert (of_split["rows"] == len(rows)).all()
        churned = rows["is_churned"].astype(int)
        for model in ("frozen", "recency_rule"):
            auc = reference.roc_auc_score(churned, rows[model].astype(float))
            assert of_split.loc[(model, "roc_auc"), "value"] == pytest.approx(auc)
        difference = of_split.loc[("frozen", "log_loss_minus_shipped")]
        value = of_split["value"]
        assert difference["value"] == pytest.approx(
            value["frozen", "log_loss"] - value["shipped", "log_loss"]
        )
        assert difference["ci_low"] < difference["ci_high"]


def test_metrics_of_retrained_models_do_not_change_with_a_kept_one(frames, frozen):
    _, predicted, metrics = frozen
    plain = evaluate.backtest(
        predicted.assign(frozen=pd.NA), "boosted_trees", resamples=50
    )
    assert not plain["split"].str.startswith("frozen").any()
    of_retrained = metrics[~metrics["split"].str.startswith("frozen")]
    pd.testing.assert_frame_equal(
        of_retrained.reset_index(drop=True), plain, check_exact=True
    )
    assert set(plain["model"]) <= set(evaluate.MODELS) - {"frozen"}
