"""What counts as a checkpoint, what is moved aside, what stays; no torch."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.engines.checkpoints import (
    COMMIT,
    ChangedSinceCheckpointError,
    CheckpointStore,
    export,
    publish,
    read_commit,
    weights_sha256,
)

REPO = Path(__file__).resolve().parents[2]
FINGERPRINT = {"settings.learning_rate": "0.005", "records sha256": "aa"}


def store_at(root: Path, notes: list[str], keep: int = 2, **changed: str) -> CheckpointStore:
    return CheckpointStore(
        root, keep, {**FINGERPRINT, **changed}, {"torch": "1"}, lambda kind, detail: notes.append(f"{kind}: {detail}")
    )


def save(store: CheckpointStore, step: int) -> None:
    folder = store.writing / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"weights of step %d" % step)
    (folder / "optimizer.pt").write_bytes(b"state of step %d" % step)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/somewhere/on/this/machine"}')
    (folder / "training_args.bin").write_bytes(b"a pickle")
    store.commit(folder, step, trainable_parameters=7)


def test_nothing_there_is_a_fresh_start(tmp_path: Path) -> None:
    assert store_at(tmp_path / "new", []).open() is None


def test_the_newest_committed_one_is_resumed(tmp_path: Path) -> None:
    store = store_at(tmp_path, [])
    for step in (5, 10):
        save(store, step)
    found = store.open()
    assert found is not None
    assert found[0].name == "step-00000010"
    assert (found[1].step, found[1].trainable_parameters) == (10, 7)


def test_rotation_keeps_two_and_no_pickle(tmp_path: Path) -> None:
    store = store_at(tmp_path, [])
    for step in (5, 10, 15, 20):
        save(store, step)
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-00000015", "step-00000020"]
    assert not list(tmp_path.rglob("training_args.bin"))


def flip_one_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


SPOIL: dict[str, tuple[Callable[[Path], object], str]] = {
    "one bit of the weights": (lambda d: flip_one_bit(d / "adapter_model.safetensors"), "another sha256"),
    "one bit of the optimizer": (lambda d: flip_one_bit(d / "optimizer.pt"), "another sha256"),
    "truncated": (lambda d: (d / "optimizer.pt").write_bytes(b"state"), "has 5 bytes, committed with 16"),
    "a file gone": (lambda d: (d / "optimizer.pt").unlink(), "optimizer.pt is missing"),
    "no commit": (lambda d: (d / COMMIT).unlink(), "the save was cut short"),
    "an empty commit": (lambda d: (d / COMMIT).write_bytes(b""), "unreadable"),
    "half a commit": (lambda d: (d / COMMIT).write_bytes((d / COMMIT).read_bytes()[:40]), "unreadable"),
    "a commit that is a list": (lambda d: (d / COMMIT).write_text("[]"), "unreadable"),
    "an edited commit": (
        lambda d: (d / COMMIT).write_text((d / COMMIT).read_text().replace("0.005", "0.001")),
        "its own digest",
    ),
    "an empty folder": (lambda d: (shutil.rmtree(d), d.mkdir()), "the save was cut short"),
}


@pytest.mark.parametrize(("spoil", "reason"), SPOIL.values(), ids=SPOIL)
def test_a_spoiled_one_is_moved_aside_with_its_reason(
    spoil: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    notes: list[str] = []
    store = store_at(tmp_path, notes)
    for step in (5, 10):
        save(store, step)
    spoil(tmp_path / "step-00000010")

    found = store.open()

    assert found is not None
    assert found[1].step == 5
    assert (tmp_path / "aside" / "1-step-00000010").is_dir()
    assert len(notes) == 1
    assert "step-00000010" in notes[0]
    assert reason in notes[0]


def test_a_half_written_one_is_never_read(tmp_path: Path) -> None:
    notes: list[str] = []
    store = store_at(tmp_path, notes)
    save(store, 5)
    half = store.writing / "checkpoint-10"
    half.mkdir(parents=True)
    (half / "adapter_model.safetensors").write_bytes(b"wei")
    found = store.open()
    assert found is not None
    assert found[1].step == 5
    assert notes == ["checkpoint moved aside: checkpoint-10: the save was cut short"]
    assert not any(store.writing.iterdir())


def test_repeated_kills_do_not_fill_the_disk(tmp_path: Path) -> None:
    store = store_at(tmp_path, [])
    for step in range(1, 8):
        (store.writing / f"checkpoint-{step}").mkdir(parents=True)
        store.open()
    assert sorted(path.name for path in (tmp_path / "aside").iterdir()) == [
        "4-checkpoint-4",
        "5-checkpoint-5",
        "6-checkpoint-6",
        "7-checkpoint-7",
    ]


def test_a_changed_setting_is_refused_by_name(tmp_path: Path) -> None:
    save(store_at(tmp_path, []), 5)
    changed = store_at(tmp_path, [], **{"settings.learning_rate": "0.001", "objective": "text"})
    with pytest.raises(ChangedSinceCheckpointError) as refusal:
        changed.open()
    assert "settings.learning_rate was 0.005, is 0.001" in str(refusal.value)
    assert "objective was absent, is text" in str(refusal.value)
    assert (tmp_path / "step-00000005").is_dir()  # refused, not spoiled


def test_another_version_goes_on_but_is_noted(tmp_path: Path) -> None:
    notes: list[str] = []
    save(store_at(tmp_path, []), 5)
    newer = CheckpointStore(tmp_path, 2, FINGERPRINT, {"torch": "2"}, lambda kind, detail: notes.append(detail))
    assert newer.open() is not None
    assert notes == ["torch was 1, is 2; the rest may differ in the last bits"]


def test_export_leaves_the_resume_state_and_the_machine_path_behind(tmp_path: Path) -> None:
    store = store_at(tmp_path / "checkpoints", [])
    save(store, 5)
    found = store.open()
    assert found is not None
    export(found[0], tmp_path / "output", "tiny-base")
    assert sorted(path.name for path in (tmp_path / "output").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    config = json.loads((tmp_path / "output" / "adapter_config.json").read_text())
    assert config == {"base_model_name_or_path": "tiny-base"}
    assert weights_sha256(tmp_path / "output") == weights_sha256(found[0])


def test_publish_replaces_an_older_output_whole(tmp_path: Path) -> None:
    for name in ("new", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    publish(tmp_path / "new", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]


def test_a_symlinked_file_does_not_verify(tmp_path: Path) -> None:
    save(store_at(tmp_path / "checkpoints", []), 5)
    directory = tmp_path / "checkpoints" / "step-00000005"
    (directory / "optimizer.pt").rename(tmp_path / "elsewhere")
    (directory / "optimizer.pt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"optimizer\.pt is missing"):
        read_commit(directory)


def test_weights_digest_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="safetensors"):
        weights_sha256(tmp_path)


def test_commits_rows_and_templates_need_no_torch() -> None:
    modules = "runner.engines.checkpoints, runner.engines.data, runner.engines.template"
    heavy = "{'torch', 'transformers', 'trl', 'peft', 'bitsandbytes', 'datasets'}"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO)
    assert ended.stdout.strip() == "[]"
