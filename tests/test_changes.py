"""What changed between two runs: counts, chance, differences, and what cannot be compared."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from seqkit.answers import Answered, keep
from seqkit.changes import changes, even_chance
from seqkit.errors import RunError
from seqkit.runs import Run, read_run

Make = Callable[..., Run]
GOLD = ["D", "N", "V", "D", "N", "V"]


def answered(
    values: Sequence[Any], gold: Sequence[Any] = GOLD, name: str = "tag", text: str = "text {}"
) -> list[Answered]:
    return [
        Answered(n, text.format(n), {name: {"value": wanted}}, {name: {"value": value}})
        for n, (value, wanted) in enumerate(zip(values, gold, strict=True))
    ]


@pytest.fixture
def make(trained: Path, tmp_path: Path) -> Make:
    """Makes a finished run whose answers, and metrics, are others."""

    def made(name: str, test: Sequence[Answered], metrics: Any = ("accuracy",)) -> Run:
        folder = shutil.copytree(trained, tmp_path / name)
        shutil.rmtree(folder / "answers")
        keep(folder, {"test": test})
        recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
        recipe["evaluate"] = {"metrics": list(metrics), "bootstrap": 100}
        if "." in name:
            recipe["data"]["gold"] = {"tag": "tag", "other": "tag"}
            recipe["evaluate"]["metrics"] = {"tag": list(metrics), "other": ["accuracy"]}
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
        return read_run(folder)

    return made


def test_answers_turn_right_and_wrong(make: Make) -> None:
    before = make("before", answered(["D", "N", "x", "x", "N", "x"]))
    after = make("after", answered(["D", "x", "V", "D", "N", "x"]))
    found = changes(before, after)
    (turned,) = found.golds
    assert (found.examples, found.split, turned.gold) == (6, "test", "tag")
    assert [change.index for change in turned.fixed] == [2, 3]
    assert [change.index for change in turned.broken] == [1]
    assert (turned.both_right, turned.both_wrong) == (2, 1)
    change = turned.fixed[0]
    assert (change.text, change.gold, change.before, change.after) == (
        "text 2", {"value": "V"}, {"value": "x"}, {"value": "V"}
    )  # fmt: skip
    assert turned.chance == 1.0
    back = changes(after, before).golds[0]
    assert ([c.index for c in back.fixed], [c.index for c in back.broken]) == ([1], [2, 3])


def test_a_list_of_labels_is_right_as_a_whole(make: Make) -> None:
    gold = [["D", "N"], ["V"]]
    before = make("before", answered([["D", "x"], ["V"]], gold))
    after = make("after", answered([["D", "N"], ["x"]], gold))
    (turned,) = changes(before, after).golds
    assert (len(turned.fixed), len(turned.broken)) == (1, 1)


def test_the_difference_of_a_metric_is_that_of_its_values(make: Make) -> None:
    before = make("before", answered(["D", "x", "x", "x", "x", "x"]))
    after = make("after", answered(["D", "N", "V", "x", "x", "x"]))
    (found,) = changes(before, after).differences
    assert found.name == "accuracy"
    assert (found.before, found.after) == pytest.approx((100 / 6, 50.0))
    assert found.value == pytest.approx(100 / 3)
    assert 0.0 <= found.low < found.value < found.high <= 100.0
    assert found.signature == "accuracy of:texts examples:6 boot:100 paired"


def test_samples_are_the_same_for_both_runs(make: Make) -> None:
    draw = np.random.default_rng(0)
    gold = draw.choice(["D", "N"], 200).tolist()
    values = draw.choice(["D", "N"], 200).tolist()
    before = make("before", answered(values, gold))
    better = ["D" if n < 10 else value for n, value in enumerate(values)]
    same = changes(before, make("same", answered(values, gold))).differences[0]
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    found = changes(before, make("after", answered(better, gold))).differences[0]
    gains = np.array([(b == g) - (v == g) for b, v, g in zip(better, values, gold, strict=True)])
    error = 100 * gains.std() / 200**0.5  # apart, the error of each value would be 3.5
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.35)


def test_without_samples_there_is_no_interval(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = make("a", answered(["D"] * 6)), make("b", answered(["N"] * 6))
    for run in runs:
        text = (run.folder / "recipe.yaml").read_text()
        (run.folder / "recipe.yaml").write_text(text.replace("bootstrap: 100", "bootstrap: 0"))
    (found,) = changes(*runs).differences
    assert found.low == found.value == found.high == 0.0


def test_metrics_are_common_where_their_settings_are(make: Make) -> None:
    plain, other = {"use": "calibration", "bins": 5}, {"use": "calibration", "bins": 10}
    before = make("before", answered(GOLD), ["macro_f1", plain, "accuracy"])
    after = make("after", answered(GOLD), ["accuracy", other, "macro_f1"])
    found = changes(before, after)
    assert [one.name for one in found.differences] == ["macro_f1", "accuracy"]
    assert found.notes == [
        f"only {before.folder} measures calibration {{'of': 'labels', 'bins': 5}}",
        f"only {after.folder} measures calibration {{'of': 'labels', 'bins': 10}}",
    ]


def test_of_several_golds_those_in_common_are_compared(make: Make) -> None:
    gold, answer = {"other": {"value": "q"}}, {"other": {"value": "r"}}
    several = [
        Answered(one.index, one.text, {**one.gold, **gold}, {**one.answers, **answer})
        for one in answered(["D"] * 6)
    ]
    single, both = make("single", answered(["N"] * 6)), make("two.golds", several)
    forth, back = changes(single, both), changes(both, single)
    assert [turned.gold for turned in (*forth.golds, *back.golds)] == ["tag", "tag"]
    assert [one.name for one in (*forth.differences, *back.differences)] == [
        "accuracy", "tag.accuracy"
    ]  # fmt: skip
    assert [turned.gold for turned in changes(both, both).golds] == ["tag", "other"]
    assert [one.name for one in changes(both, both).differences] == [
        "tag.accuracy",
        "other.accuracy",
    ]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (answered(GOLD[:5], GOLD[:5]), "have 6 and 5 examples of test."),
        (answered(GOLD, name="upos"), "answer to different golds, 'tag' and 'upos'."),
        (
            answered(GOLD, text="words {}"),
            "test: example 1 has another text, 'text 0' and 'words 0'.",
        ),
        (
            answered(GOLD, ["D", "N", "N", "D", "N", "V"]),
            "test: example 3 has another tag, 'V' and 'N'.",
        ),
        (
            answered(GOLD, text="{}" + 90 * "long "),
            f"test: example 1 has another text, 'text 0' and '0{('long ' * 10)[:47]}….",
        ),
    ],
)
def test_runs_on_other_data_are_refused_by_name(
    make: Make, other: Sequence[Answered], message: str
) -> None:
    before, after = make("before", answered(GOLD)), make("after", other)
    with pytest.raises(RunError) as refused:
        changes(before, after)
    where = f"{before.folder} and {after.folder}: "
    assert str(refused.value) == f"{where}{message} Name two runs on the same data."


def test_a_text_that_was_cut_in_one_run_alone_is_the_same_text(make: Make) -> None:
    text, gold = "w " * 400, [["D"] * 400]
    short, long = answered(["D"], ["D"], text=text), answered(gold, gold, text=text)
    long[0] = Answered(0, text, short[0].gold, {"tag": {"value": "D", "more": ["D"] * 400}})
    runs = make("short", short), make("long", long)
    assert [len(run.answers("test")[0].text) for run in runs] == [200, 800]
    assert changes(*runs).golds[0].both_right == 1


def test_two_inputs_are_compared_by_name(make: Make) -> None:
    def pair(left: str) -> list[Answered]:
        return [
            Answered(0, {"left": left, "right": "b"}, {"tag": {"value": 1}}, {"tag": {"value": 1}})
        ]

    before = make("before", pair("a"))
    assert changes(before, make("same", pair("a"))).golds[0].both_right == 1
    with pytest.raises(RunError, match="example 1 has another text"):
        changes(before, make("other", pair("c")))


def test_a_split_that_a_run_has_not_is_named(make: Make) -> None:
    run = make("run", answered(GOLD))
    with pytest.raises(RunError, match=r"has no answers to 'dev'\. There are: test\."):
        changes(run, run, "dev")


def test_all_of_it_is_json(make: Make) -> None:
    before, after = make("before", answered(["x"] * 6)), make("after", answered(GOLD))
    plain = json.loads(json.dumps(changes(before, after).plain()))
    assert list(plain) == [
        "format", "before", "after", "split", "examples", "golds", "metrics", "notes"
    ]  # fmt: skip
    (gold,) = plain["golds"]
    assert gold["chance"] == pytest.approx(2 / 2**6)
    assert [change["index"] for change in gold["fixed"]] == list(range(6))
    assert gold["fixed"][0]["gold"] == {"value": "D"}
    assert plain["metrics"][0]["value"] == 100.0


@settings(max_examples=40)
@given(st.integers(0, 300), st.integers(0, 300))
def test_chance_is_that_of_the_exact_sign_test(some: int, others: int) -> None:
    wanted = binomtest(some, some + others).pvalue if some + others else 1.0
    assert even_chance(some, others) == pytest.approx(wanted, rel=1e-9)


def test_chance_is_known_of_very_many_changes() -> None:
    assert even_chance(10_000, 10_200) == pytest.approx(binomtest(10_000, 20_200).pvalue, rel=1e-6)
    assert even_chance(0, 20_000) == 0.0
