"""A chain's recipe: what is wrong with it, told all at once, with line and column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqkit.errors import RecipeError
from seqkit.links import is_chain, read_chain

TAGGER = """\
seqkit: 1
name: {name}
data: {{use: conll, columns: [form, tag], train: t.conll, text: {text}, gold: {gold}}}
tokenise: words
embed: {{use: lookup, width: 4}}
decode: tagger
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    (tmp_path / "t.conll").write_text("a D\n")
    (tmp_path / "one.yaml").write_text(TAGGER.format(name="one", text="form", gold="tag"))
    (tmp_path / "two.yaml").write_text(TAGGER.format(name="two", text="tag", gold="form"))

    def write(steps: str, head: str = "seqkit: 1\nname: both\n") -> Path:
        path = tmp_path / "chain.yaml"
        path.write_text(f"{head}{steps}")
        return path

    return write


def problems(path: Path) -> list[str]:
    with pytest.raises(RecipeError) as told:
        read_chain(path)
    return [str(problem).removeprefix(f"{path}:") for problem in told.value.problems]


def test_steps_read_what_those_before_them_answered(written: Callable[[str], Path]) -> None:
    chain = read_chain(
        written("steps:\n- recipe: one.yaml\n- {recipe: two.yaml, give: {form: again}}\n")
    )
    assert chain.name == "both"
    assert [link.name for link in chain.links] == ["one", "two"]
    assert chain.inputs == ("form",)
    assert [dict(link.reads) for link in chain.links] == [{"text": "form"}, {"text": "tag"}]
    assert [dict(link.gives) for link in chain.links] == [{"tag": "tag"}, {"form": "again"}]


def test_steps_of_one_recipe_have_names_of_their_own(written: Callable[[str], Path]) -> None:
    steps = "steps:\n- recipe: one.yaml\n- {recipe: one.yaml, give: {tag: other}}\n"
    assert [link.name for link in read_chain(written(steps)).links] == ["one-1", "one-2"]


def test_a_step_may_change_settings(written: Callable[[str], Path]) -> None:
    chain = read_chain(written("steps:\n- {recipe: one.yaml, set: {embed.width: 7}}\n"))
    assert chain.links[0].recipe.embed["text"].settings["width"] == 7


def test_a_recipe_with_steps_is_a_chain(written: Callable[[str], Path], tmp_path: Path) -> None:
    assert is_chain(written("steps: []\n"))
    assert not is_chain(tmp_path / "one.yaml")
    assert not is_chain(tmp_path / "nothing.yaml")
    assert not is_chain(written("steps: [}\n"))


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        ("", ["1:1: a chain needs the key 'steps'."]),
        ("steps: 3\n", ["3:8: steps: input should be a list of steps, not 3."]),
        ("steps: []\n", ["3:8: steps: input should be a list of steps, not a list."]),
        ("steps:\n- one.yaml\n", ["4:3: steps.0: input should be a mapping, not 'one.yaml'."]),
        (
            "stepps: []\nsteps:\n- recipe: one.yaml\n",
            ["3:1: a chain has no key 'stepps'. Did you mean 'steps'?"],
        ),
        (
            "steps:\n- {read: {}}\n- {recipe: one.yaml, run: x}\n",
            [
                f"{line}:3: steps.{line - 4}: needs 'recipe' or 'run', one of the two: what it "
                "trains, or what is trained."
                for line in (4, 5)
            ],
        ),
        (
            "steps:\n- {recipe: one.yaml, reads: {}}\n",
            ["4:22: steps.0: a step has no key 'reads'. Did you mean 'read'?"],
        ),
        ("steps:\n- recipe: 3\n", ["4:11: steps.0.recipe: input should be a path, not 3."]),
        (
            "steps:\n- {recipe: one.yaml, read: {txt: form}, give: {tags: x}}\n",
            [
                "4:29: steps.0.read: the step has no input 'txt'. Did you mean 'text'?",
                "4:48: steps.0.give: the step has no answer 'tags'. Did you mean 'tag'?",
            ],
        ),
        (
            "steps:\n- {recipe: one.yaml, read: [], give: {tag: 5}}\n",
            [
                "4:28: steps.0.read: input should be a mapping, not a list.",
                "4:44: steps.0.give.tag: input should be a field's name, not 5.",
            ],
        ),
        (
            "steps:\n- recipe: one.yaml\n- recipe: two.yaml\n",
            [
                "5:3: steps.1: two gives 'form', which is there already. Give it another name: "
                "`give: {form: ...}`."
            ],
        ),
        (
            "steps:\n- {recipe: one.yaml, set: 3}\n",
            ["4:27: steps.0.set: input should be a mapping, not 3."],
        ),
    ],
)
def test_mistakes_are_told_with_their_places(
    written: Callable[[str], Path], steps: str, wanted: list[str]
) -> None:
    assert problems(written(steps)) == wanted


def test_mistakes_in_the_recipes_of_steps_are_told_too(
    written: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "two.yaml").write_text(
        TAGGER.format(name="two", text="tag", gold="x").replace("width", "widht")
    )
    first, second = problems(written("steps:\n- recipe: nine.yaml\n- recipe: two.yaml\n"))
    assert first.startswith("4:11: steps.0: ")
    assert first.endswith(": no such recipe. Check the path.")
    assert second.startswith(
        f"5:11: steps.1: {tmp_path}/two.yaml:5:22: embed: lookup has no setting 'widht'"
    )


def test_what_is_no_run_is_told(written: Callable[[str], Path], tmp_path: Path) -> None:
    (told,) = problems(written("steps:\n- {run: runs/none}\n"))
    assert told == (
        f"4:9: steps.0: {tmp_path}/runs/none: is no run and no saved pipeline. Name a folder that "
        "`seqkit run` has written."
    )


def test_a_run_that_is_not_finished_is_told(written: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    (told,) = problems(written("steps:\n- {run: run}\n"))
    assert told == (
        f"4:9: steps.0: {tmp_path}/run: the run is not finished. Run its recipe again to go on."
    )


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_damaged_model_is_told(
    written: Callable[[str], Path], tmp_path: Path, content: str
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "pipeline.json").write_text(content)
    (told,) = problems(written("steps:\n- {run: model}\n"))
    assert "is no run and no saved pipeline" in told


def test_the_head_of_a_chain_is_checked(written: Callable[..., Path]) -> None:
    told = problems(written("steps:\n- recipe: one.yaml\n", "seqkit: 2\nname: a b\n"))
    assert told == [
        "1:9: seqkit: input should be 1.",
        "2:7: name: input should be 1 to 64 of A-Z a-z 0-9 _ . -, not 'a b'.",
    ]
