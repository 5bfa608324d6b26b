"""Checkpoints: what one keeps, which one counts, and what is swept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from seqkit.batching import Pools
from seqkit.checkpoints import Checkpoints, best_number
from seqkit.errors import ModelError
from seqkit.loading import load
from seqkit.pipeline import Pipeline
from seqkit.training import Progress, begin

SAVED = [
    "aliases.json",
    "manifest.json",
    "position.json",
    "progress.json",
    "progress.safetensors",
    "weights.safetensors",
]


class Place:
    """A pipeline, its progress and its batches, and checkpoints to save them in."""

    def __init__(self, trained: Path, folder: Path) -> None:
        self.pipeline: Pipeline = load(trained)
        self.network = self.pipeline.network
        self.progress: Progress = begin(self.pipeline, self.pipeline.recipe.train, "fp32")
        sizes = torch.ones(20, 1, dtype=torch.int64).numpy()
        self.batches = Pools(lambda *_: {}, sizes, self.pipeline.recipe.train.batch, seed=1)
        self.checkpoints = Checkpoints(folder)
        self.said: list[str] = []

    def save(self, number: int, best: int | None = None) -> None:
        """Saves as if after an update; the best weights are those of `best`."""
        self.progress.number, self.batches.number = number, number
        if best is not None:
            self.progress.notes["best"] = {"number": best, "name": "accuracy", "value": 1.0}
        self.checkpoints.save(self.network, self.progress, self.batches)

    def save_best(self, number: int) -> None:
        """Saves the best weights, as after an evaluation."""
        self.checkpoints.save_best(self.network, number)

    def restore(self) -> bool:
        """Restores the newest checkpoint that is whole."""
        return self.checkpoints.restore(self.network, self.progress, self.batches, self.said.append)

    def names(self) -> list[str]:
        """All names in the folder of checkpoints."""
        return sorted(path.name for path in self.checkpoints.folder.iterdir())


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Place:
    return Place(trained, tmp_path / "checkpoints")


def test_weights_progress_and_position_come_back(place: Place) -> None:
    weight = next(place.network.parameters())
    kept = weight.detach().clone()
    place.progress.epoch, place.batches.epoch = 3, 3
    place.save(5)
    assert (
        sorted(path.name for path in (place.checkpoints.folder / "step-000000005").iterdir())
        == SAVED
    )
    with torch.no_grad():
        weight.zero_()
    place.progress.number = place.progress.epoch = place.batches.number = 0
    place.batches.epoch = 0
    assert place.restore()
    assert torch.equal(weight, kept)
    assert (place.progress.number, place.progress.epoch) == (5, 3)
    assert place.batches.position() == {"epoch": 3, "batch": 5}
    assert place.said == []


def test_without_a_checkpoint_nothing_is_restored(place: Place) -> None:
    assert not place.restore()
    place.checkpoints.folder.mkdir()
    assert not place.restore()


def test_two_checkpoints_stay(place: Place) -> None:
    for number in (1, 2, 3, 10):
        place.save(number)
    assert place.names() == ["step-000000003", "step-000000010"]


def test_a_checkpoint_may_be_saved_again_in_its_place(place: Place) -> None:
    place.save(1)
    place.save(2)
    place.save(2)
    assert place.names() == ["step-000000001", "step-000000002"]
    assert place.restore()


def test_best_weights_stay_as_long_as_a_checkpoint_names_them(place: Place) -> None:
    place.save_best(2)
    place.save(2, best=2)
    place.save(3)
    place.save_best(4)
    place.save(4, best=4)
    assert place.names() == ["best-000000002", "best-000000004", "step-000000003", "step-000000004"]
    place.save(5)
    assert place.names() == ["best-000000004", "step-000000004", "step-000000005"]


def test_best_weights_that_no_checkpoint_came_to_name_are_swept(place: Place) -> None:
    place.save(1)
    place.save_best(9)  # and a kill before the checkpoint of update 9
    place.save(2)
    assert place.names() == ["step-000000001", "step-000000002"]


def test_the_best_weights_come_back(place: Place) -> None:
    weight = next(place.network.parameters())
    kept = weight.detach().clone()
    place.save_best(4)
    with torch.no_grad():
        weight.zero_()
    place.checkpoints.restore_best(place.network, 4)
    assert torch.equal(weight, kept)


def test_best_weights_that_are_lost_are_named(place: Place) -> None:
    with pytest.raises(ModelError) as refused:
        place.checkpoints.restore_best(place.network, 4)
    assert str(refused.value) == (
        f"{place.checkpoints.folder}/best-000000004: no such folder. "
        "Name a run or a pipeline folder."
    )


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", [name for name in SAVED if name != "manifest.json"])
def test_each_file_of_a_checkpoint_is_checked(place: Place, name: str) -> None:
    for number in (1, 2):
        place.save(number)
    path = place.checkpoints.folder / "step-000000002" / name
    damage(path)
    assert place.restore()
    assert place.progress.number == 1
    assert place.said == [
        f"checkpoint skipped: {path}: its sha256 differs from manifest.json: it is damaged. "
        "Copy the folder again, or train again."
    ]


def test_where_all_checkpoints_are_damaged_each_is_named_and_none_counts(place: Place) -> None:
    for number in (1, 2):
        place.save(number)
        damage(place.checkpoints.folder / f"step-{number:09d}/weights.safetensors")
    assert not place.restore()
    assert ["step-000000002" in line for line in place.said] == [True, False]


def test_damaged_checkpoints_beyond_the_newest_give_way_to_whole_ones(place: Place) -> None:
    for number in (8, 9):
        place.save(number)
    damage(place.checkpoints.folder / "step-000000009/weights.safetensors")
    assert place.restore()
    place.save(8)
    assert place.names() == ["step-000000008"]


def test_names_that_no_run_writes_are_left_alone(place: Place) -> None:
    folder = place.checkpoints.folder
    names = ["step-1", "step-backup", "best-", "step-0000000001", ".step-000000003.tmp", "x"]
    for name in names:
        (folder / name).mkdir(parents=True)
    for number in (1, 2, 3):
        place.save(number)
    assert place.restore()
    assert sorted(names) == sorted(set(place.names()) - {"step-000000002", "step-000000003"})
    place.checkpoints.clear()
    assert place.names() == sorted(names)


@pytest.mark.parametrize("end", ["new", "old"])
@pytest.mark.parametrize("kind", ["step", "best"])
def test_what_a_kill_left_half_written_is_swept(place: Place, kind: str, end: str) -> None:
    left = place.checkpoints.folder / f".{kind}-000000007.{end}"
    left.mkdir(parents=True)
    assert not place.restore()
    place.save(8)
    assert place.names() == ["step-000000008"]


def test_clearing_removes_the_folder_where_nothing_else_is_in_it(place: Place) -> None:
    place.save(1)
    place.checkpoints.clear()
    assert not place.checkpoints.folder.exists()
    place.checkpoints.clear()


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_a_checkpoint_that_cannot_be_read_names_no_best_weights(
    place: Place, content: str | None
) -> None:
    place.save(3, best=2)
    folder = place.checkpoints.folder / "step-000000003"
    assert best_number(folder) == 2
    if content is None:
        (folder / "progress.json").unlink()
    else:
        (folder / "progress.json").write_text(content)
    assert best_number(folder) is None


def test_progress_is_json_and_tensors_alone(place: Place) -> None:
    place.save(1)
    content = json.loads((place.checkpoints.folder / "step-000000001/progress.json").read_bytes())
    assert set(content) == {
        "number",
        "epoch",
        "precision",
        "schedule",
        "groups",
        "scalars",
        "notes",
    }
