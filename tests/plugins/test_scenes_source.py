"""Scenes: what may happen, how it is told, what frames show, and that splits are apart."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import RandomState

import seqkit_scenes
from seqkit.errors import DataError, RecipeError
from seqkit.plugins import registry
from seqkit.recipe import check_stage as in_recipe
from seqkit.stages import Row
from seqkit.testing import check_stage
from seqkit_scenes.painting import LOOK, pictures, projection
from seqkit_scenes.source import Scenes
from seqkit_scenes.stage import (
    COLOURS,
    DIRECTIONS,
    SHAPES,
    SHORTEST,
    Act,
    Scene,
    Thing,
    draw_scene,
    possible_acts,
)
from seqkit_scenes.telling import PHRASINGS, captions

SEEDS = st.integers(0, 2**31)
few = settings(max_examples=25, deadline=None)
SIDE = 5
CIRCLE, SQUARE = Thing("red", "circle"), Thing("blue", "square")
BEHIND = Scene(
    SIDE,
    (SQUARE, CIRCLE),
    {0: (2, 1), 1: (4, 1)},
    (Act("passes", 1, "left", (4, 1), (0, 1), 0), Act("leaves", 1, "left", (0, 1), (-1, 1))),
)


def rows_of(split: str = "train", /, **chosen: Any) -> list[Row]:
    return list(seqkit_scenes.scenes(**{"size": 20, "held_out": 20, **chosen}).read(split, None))


def test_the_source_keeps_the_contract() -> None:
    check_stage(seqkit_scenes.scenes, settings={"size": 30, "held_out": 10})
    assert not registry().find("source", "scenes").files


@few
@given(seed=SEEDS, side=st.integers(3, 6), objects=st.integers(1, 7), acts=st.integers(1, 5))
def test_what_happens_can_happen(seed: int, side: int, objects: int, acts: int) -> None:
    scene = draw_scene(RandomState(seed), side, objects, acts)
    assert 1 <= len(scene.things) <= objects
    assert len(set(scene.things)) == len(scene.things)
    assert 1 <= len(scene.acts) <= acts
    assert len(set(scene.standing.values())) == len(scene.standing)
    stage, gone = dict(scene.standing), set()
    for act in scene.acts:
        across, down = DIRECTIONS[act.direction]
        steps = max(abs(act.end[0] - act.begin[0]), abs(act.end[1] - act.begin[1]))
        way = [(act.begin[0] + across * n, act.begin[1] + down * n) for n in range(steps + 1)]
        assert way[-1] == act.end
        assert steps >= SHORTEST
        assert act.thing not in gone
        assert (act.thing in stage) == (act.kind != "enters")
        assert stage.get(act.thing, act.begin) == act.begin
        others = {place: thing for thing, place in stage.items() if thing != act.thing}
        met = [others[place] for place in way if place in others]
        assert met == ([] if act.passed is None else [act.passed])
        assert (act.kind == "passes") == (act.passed is not None)
        on = [all(0 <= at < side for at in place) for place in (act.begin, act.end)]
        assert on == [act.kind != "enters", act.kind != "leaves"]
        if act.kind == "leaves":
            del stage[act.thing]
            gone.add(act.thing)
        else:
            stage[act.thing] = act.end
    seen = {act.thing for act in scene.acts} | {act.passed for act in scene.acts} - {None}
    assert set(scene.standing) <= seen


def test_a_scene_is_told_in_each_phrasing() -> None:
    assert captions(BEHIND, 3) == [
        "a red circle moves left behind a blue square then the red circle leaves at the left",
        "a red circle moves left behind a blue square and then it leaves at the left",
        "a red circle goes left behind a blue square then it goes out at the left",
    ]
    front = Scene(SIDE, (CIRCLE, SQUARE), {0: (0, 3), 1: (0, 1)}, (
        Act("passes", 0, "up", (0, 3), (0, 0), 1),
        Act("enters", 1, "down", (2, -1), (2, 2)),
    ))  # fmt: skip
    assert captions(front, 1) == [
        "a red circle moves up in front of a blue square then the blue square enters from the top"
    ]


def test_phrasings_that_come_out_alike_are_one_reference() -> None:
    alone = Scene(SIDE, (CIRCLE,), {}, (Act("enters", 0, "left", (SIDE, 0), (2, 0)),))
    assert captions(alone, 3) == [
        "a red circle enters from the right",
        "a red circle comes in from the right",
    ]
    assert len(captions(alone, 1)) == 1


def test_a_nearer_thing_hides_what_is_behind_it_for_as_much_as_it_covers() -> None:
    shown = pictures(RandomState(1), BEHIND, 8)[:, 2, 1]
    blue, red = COLOURS.index("blue"), COLOURS.index("red")
    square, circle = (len(COLOURS) + SHAPES.index(shape) for shape in ("square", "circle"))
    assert np.allclose(shown[:, [blue, square]], 1)
    assert np.allclose(shown[:, [red, circle]], 0)
    before = Scene(SIDE, (CIRCLE, SQUARE), {1: (2, 1), 0: (4, 1)}, (
        Act("passes", 0, "left", (4, 1), (0, 1), 1),
    ))  # fmt: skip
    shown = pictures(RandomState(1), before, 8)
    assert shown[:, 2, 1, red].max() > 0.6
    assert np.allclose(shown[:, 2, 1, red] + shown[:, 2, 1, blue], 1)
    assert shown.shape[1:] == (SIDE, SIDE, LOOK)


def test_no_two_acts_look_alike() -> None:
    seen: dict[bytes, Act] = {}
    places = [(across, down) for across in range(3) for down in range(3)]
    for place in places:
        for other in places:
            standing = {0: place, 1: other} if other != place else {0: place}
            outside = [] if 1 in standing else [1]
            for act in possible_acts(3, standing, outside):
                scene = Scene(3, (CIRCLE, SQUARE), standing, (act,))
                shown = pictures(RandomState(0), scene, 6).round(9).tobytes()
                assert seen.setdefault(shown, act) == act
    assert len(seen) > 400


def test_a_thing_outside_is_not_seen_and_one_between_places_is_on_both() -> None:
    scene = Scene(SIDE, (CIRCLE,), {}, (Act("enters", 0, "right", (-1, 2), (2, 2)),))
    random = RandomState(3)
    steps = random.randint(6, 10)
    shown = pictures(RandomState(3), scene, 6)[..., COLOURS.index("red")]
    assert len(shown) == 1 + steps
    assert not shown[0].any()
    for step in range(1, steps + 1):
        across = -1 + 3 * step / steps
        wanted = np.maximum(0, 1 - np.abs(np.arange(SIDE) - across))
        assert np.allclose(shown[step][:, 2], wanted)
        assert not shown[step][:, [0, 1, 3, 4]].any()


def test_features_are_a_projection_of_the_pictures_with_noise() -> None:
    assert np.array_equal(projection(4, 16), projection(4, 16))
    assert projection(4, 16).shape == (16 * LOOK, 16)
    source = Scenes(SIDE, 3, 2, 6, 16, 0.0, 3, "scenes", {"train": 1}, 1)
    found = source.row(RandomState(5), BEHIND)["frames"]
    assert found.dtype == np.float32
    shown = pictures(RandomState(5), BEHIND, 6).reshape(len(found), -1)
    assert np.allclose(found, shown @ projection(SIDE, 16), atol=1e-5)
    alone = np.concatenate([projection(3, 64)[[place, 6]] for place in range(6)])
    assert alone.reshape(6, 2, 64).sum(1).std() == pytest.approx(1, rel=0.1)
    clean = np.concatenate([row["frames"] for row in rows_of(size=60, noise=0.0)])
    noisy = np.concatenate([row["frames"] for row in rows_of(size=60, noise=0.5)])
    assert noisy.std() ** 2 == pytest.approx(clean.std() ** 2 + 0.25, rel=0.1)


@pytest.mark.parametrize("apart", ["scenes", "stories"])
def test_no_split_has_what_another_one_has_whatever_the_seed(
    apart: Literal["scenes", "stories"],
) -> None:
    drawn: dict[str, set[str]] = {}
    stories: dict[str, set[str]] = {}
    for seed, split in enumerate(("train", "dev", "test")):
        source = Scenes(3, 1, 1, 5, 4, 0.0, 1, apart, {split: 0}, 1)
        random = RandomState(seed)
        scenes = [source.draw(random, split) for _ in range(120)]
        drawn[split] = {repr(scene) for scene in scenes}
        stories[split] = {captions(scene, 1)[0] for scene in scenes}
    for one, other in itertools.combinations(drawn, 2):
        assert not drawn[one] & drawn[other]
        assert bool(stories[one] & stories[other]) == (apart == "scenes")


def test_rows_are_the_same_again_and_others_with_another_seed() -> None:
    one, again, other = (rows_of(seed=seed) for seed in (1, 1, 2))
    assert [row["caption"] for row in one] == [row["caption"] for row in again]
    assert all(np.array_equal(a["frames"], b["frames"]) for a, b in zip(one, again, strict=True))
    assert [row["caption"] for row in one] != [row["caption"] for row in other]
    assert one[0]["caption"].startswith("a green cross comes in from the right then it goes out")


def test_the_caption_is_one_of_its_references_and_all_kinds_occur() -> None:
    rows = rows_of(size=250)
    assert all(row["caption"] in row["references"] for row in rows)
    words = {word for row in rows for word in row["caption"].split()}
    assert {*COLOURS, *SHAPES, *DIRECTIONS, "behind", "front", "enters", "goes", "it"} <= words
    assert {len(row["references"]) for row in rows} == {2, 3}
    assert {len(row["references"]) for row in rows_of(phrasings=1)} == {1}
    assert len(PHRASINGS) == 3


def test_frames_in_which_a_thing_would_jump_are_refused_at_check() -> None:
    with pytest.raises(
        RecipeError, match=r"'frames' is 4, too few to cross 5 places\. Use 5 or more"
    ):
        in_recipe("source", {"use": "scenes", "side": 5, "frames": 4})


def test_a_place_and_another_split_are_refused() -> None:
    with pytest.raises(DataError, match=r"^data.train: scenes reads no files, got 'a.txt'. Remove"):
        list(seqkit_scenes.scenes().read("train", "a.txt"))
    with pytest.raises(DataError, match=r"^scenes: no split 'trian'. Did you mean 'train'\?"):
        list(seqkit_scenes.scenes().read("trian", None))
