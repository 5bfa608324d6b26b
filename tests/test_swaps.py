"""What is put in a recipe for an alternative, what it keeps of the recipe, and what it drops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import RecipeError
from seqkit.recipe import read_recipe
from seqkit.swaps import Swap, as_flow, parse_swap, settled, stage_at


@pytest.mark.parametrize(
    ("text", "path", "given"),
    [
        ("encode=rnn,lstm", "encode", ["rnn", "lstm"]),
        ("encode=rnn", "encode", ["rnn"]),
        ("encode=", "encode", []),
        ("encode=rnn, {use: lstm, peephole: true}", "encode",
         ["rnn", {"use": "lstm", "peephole": True}]),
        ("encode.width=8,16", "encode.width", [8, 16]),
        ("train.clip=null,5.0,1e-1", "train.clip", [None, 5.0, 0.1]),
        ("x='a=b',\"c, d\"", "x", ["a=b", "c, d"]),
    ],
)  # fmt: skip
def test_alternatives_are_a_flow_list_without_its_brackets(
    text: str, path: str, given: list[Any]
) -> None:
    assert parse_swap(text) == (path, given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("encode", "--swap encode: has no '='. Write --swap encode=rnn,lstm."),
        ("=rnn,lstm", "--swap : has no '='. Write --swap encode=rnn,lstm."),
        ("encode={use: rnn", "--swap encode: not valid YAML: "),
        ("encode=rnn],[lstm", "--swap encode: not valid YAML: "),
        ("encode=!!python/name:os.system,b", "--swap encode: the tag "),
    ],
)
def test_what_is_no_list_of_alternatives_is_told_on_one_line(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        parse_swap(text)
    assert str(told.value).startswith(message)
    assert "\n" not in str(told.value)


def test_a_value_reads_back_from_the_line_that_it_is_written_on(toy: Path) -> None:
    value = {"use": "bilstm", "width": 6, "dropout": 1e-05, "residual": True, "layers": 2}
    recipe = read_recipe(toy, {"encode": as_flow(value)})
    chosen = stage_at(recipe, "encode")
    assert chosen is not None
    assert {key: chosen.plain()[key] for key in value} == value


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("data", "conll"),
        ("tokenise", "words"),
        ("embed", "concat"),
        ("embed.parts.1", "characters"),
        ("encode", "bilstm"),
        ("decode", "crf"),
        ("train.optimiser", "adam"),
        ("train.schedule", "constant"),
    ],
)
def test_the_stage_at_a_path_is_found(toy: Path, path: str, name: str) -> None:
    chosen = stage_at(read_recipe(toy), path)
    assert chosen is not None
    assert chosen.name == name


@pytest.mark.parametrize(
    "path", ["", "name", "encode.width", "embed.parts", "embed.parts.2", "train", "train.no", "no"]
)
def test_where_no_one_stage_stands_none_is_found(toy: Path, path: str) -> None:
    assert stage_at(read_recipe(toy), path) is None


def test_a_stage_in_a_list_or_of_one_input_is_found(toy: Path) -> None:
    recipe = read_recipe(toy, {"encode": "[{text: bilstm}, gru]"})
    found = [stage_at(recipe, path) for path in ("encode.0", "encode.0.text", "encode.1")]
    assert [chosen and chosen.name for chosen in found] == ["bilstm", "bilstm", "gru"]
    assert stage_at(recipe, "encode") is None


SAID = {"use": "bilstm", "width": 8, "dropout": 0.3, "alternating": True, "layers": 2}


@pytest.mark.parametrize(
    ("given", "put", "dropped"),
    [
        ("bigru", SAID | {"use": "bigru"}, ()),
        ("gru", {"use": "gru", "width": 8, "dropout": 0.3, "layers": 2}, ("alternating",)),
        (
            {"use": "gru", "dropout": 0.0},
            {"use": "gru", "width": 8, "dropout": 0.0, "layers": 2},
            ("alternating",),
        ),
        ({"peephole": True}, SAID | {"peephole": True}, ()),
        ({"use": "no such", "a": 1}, {"use": "no such", "a": 1}, ()),
        (5, 5, ()),
        (["gru", "lstm"], ["gru", "lstm"], ()),
    ],
)
def test_an_alternative_keeps_the_settings_of_the_recipe_that_it_has(
    toy: Path, given: Any, put: Any, dropped: tuple[str, ...]
) -> None:
    swap = Swap(toy, {"encode": as_flow(SAID)}, "encode")
    recipe, said = swap.before()
    assert said == SAID
    assert settled(stage_at(recipe, "encode"), said, given) == (put, dropped)


def test_a_stage_that_the_recipe_only_names_has_nothing_to_keep(toy: Path) -> None:
    recipe, said = Swap(toy, {"encode": "bilstm"}, "encode").before()
    assert settled(stage_at(recipe, "encode"), said, "gru") == ({"use": "gru"}, ())


def test_the_only_encoder_of_a_list_keeps_its_settings_too(toy: Path) -> None:
    recipe, said = Swap(toy, {"encode": "[{use: gru, width: 4}]"}, "encode").before()
    put = {"use": "lstm", "width": 4}
    assert settled(stage_at(recipe, "encode"), said, "lstm") == (put, ())


def test_where_the_recipe_has_no_stage_an_alternative_is_put_as_it_is(toy: Path) -> None:
    toy.write_text(toy.read_text().replace("encode: {use: bilstm, width: 8, dropout: 0.3}\n", ""))
    recipe, said = Swap(toy, {}, "encode").before()
    assert said is None
    assert settled(stage_at(recipe, "encode"), said, "gru") == ("gru", ())


def test_the_data_keep_their_places_and_fields_whatever_reads_them(toy: Path) -> None:
    recipe, said = Swap(toy, {}, "data").before()
    put, dropped = settled(stage_at(recipe, "data"), said, "jsonl")
    assert put == {
        "use": "jsonl",
        "train": "train.conll",
        "dev": "dev.conll",
        "test": "test.conll",
        "text": "form",
        "gold": "tag",
    }
    assert dropped == ("columns",)


def test_an_optimiser_keeps_what_the_other_one_has_too(toy: Path) -> None:
    settings = {"train.optimiser": "{use: adam, rate: 0.5, beta1: 0.8}"}
    recipe, said = Swap(toy, settings, "train.optimiser").before()
    put, dropped = settled(stage_at(recipe, "train.optimiser"), said, "sgd")
    assert (put, dropped) == ({"use": "sgd", "rate": 0.5}, ("beta1",))


def test_overrides_are_of_the_recipe_as_it_stands_and_give_way_to_the_swap(toy: Path) -> None:
    settings = {"encode.layers": "2", "train.epochs": "1", "encode": "gru", "encoder": "x"}
    swap = Swap(toy, settings, "encode")
    assert swap.overrides({"use": "lstm"}) == {
        "train.epochs": "1",
        "encoder": "x",
        "encode": '{"use": "lstm"}',
    }
    assert Swap(toy, {"encode": "gru"}, "encode.width").overrides(4) == {
        "encode": "gru",
        "encode.width": "4",
    }
    swap = Swap(toy, {"encode": "{use: gru, width: 4}", "encode.layers": "2"}, "encode")
    assert swap.before()[1] == {"use": "gru", "width": 4, "layers": 2}


def test_a_value_inside_a_list_is_found_as_the_recipe_says_it(toy: Path) -> None:
    assert Swap(toy, {}, "embed.parts.0").before()[1] == {
        "use": "lookup",
        "width": 6,
        "unknown": 0.2,
    }
    assert Swap(toy, {}, "embed.parts.7").before()[1] is None
    assert Swap(toy, {}, "name.x").before()[1] is None
