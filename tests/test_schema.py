from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from annotated_types import MinLen

from seqkit.errors import PluginError
from seqkit.plugins import Plugin, Register, Registry, Use
from seqkit.schema import explain, schema
from seqkit.settings import DataFile, Dropout, Nested, PositiveInt
from seqkit.stages import (
    Decoder,
    Embedder,
    Encoder,
    Joint,
    Metric,
    Search,
    Source,
    Tokeniser,
    Upstream,
)

BEAM = Use("search", "beam", {"size": 2})


def words(upstream: Upstream, *, lower: bool = False) -> Tokeniser:
    """Splits a text into words.

    lower: looks words up in lower case.
    """
    raise NotImplementedError


def lookup(
    upstream: Upstream, *, width: PositiveInt = 100, file: DataFile | None = None
) -> Embedder:
    raise NotImplementedError


def concat(
    upstream: Upstream,
    *,
    parts: Annotated[list[Nested[Embedder]], MinLen(1)],
    pair: tuple[Nested[Embedder], int] | None = None,
    named: Mapping[str, Nested[Encoder]] = {},
) -> Embedder:
    raise NotImplementedError


def bilstm(
    upstream: Upstream,
    *,
    width: PositiveInt = 512,
    dropout: Dropout = 0.0,
    mode: Literal["fast", "exact"] = "fast",
) -> Encoder:
    """Bidirectional LSTM (Graves & Schmidhuber 2005).

    It reads both ways.

    width: output width, half of it for each of the two directions in which the text is read, so an
        even number. dropout: share of values dropped.
    """
    raise NotImplementedError


def aligned(upstream: Upstream) -> Joint:
    raise NotImplementedError


def crf(upstream: Upstream, *, search: Nested[Search] = BEAM) -> Decoder:
    raise NotImplementedError


def beam(upstream: Upstream, *, size: PositiveInt = 5) -> Search:
    raise NotImplementedError


def conllu() -> Source:
    raise NotImplementedError


def made(*, size: PositiveInt = 10) -> Source:
    raise NotImplementedError


def accuracy() -> Metric:
    raise NotImplementedError


def toys() -> Registry:
    one, two = Plugin("toys", "toys", "toys", "1.0"), Plugin("more", "more", "more-toys", "2.0")
    register = Register(one)
    register.tokeniser("words", words)
    register.embedder("lookup", lookup)
    register.embedder("concat", concat)
    register.encoder("bilstm", bilstm)
    register.encoder("aligned", aligned, joint=True)
    register.decoder("crf", crf)
    register.search("beam", beam)
    register.source("conllu", conllu, files=True)
    register.source("made", made)
    register.metric("accuracy", accuracy)
    Register(two).tokeniser("words", words)
    return Registry([one, two])


TOYS = toys()
SCHEMA = schema(TOYS)
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
BOUNDS: dict[str, Any] = {
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
    "minLength": lambda value, bound: len(value) >= bound,
    "minItems": lambda value, bound: len(value) >= bound,
    "minProperties": lambda value, bound: len(value) >= bound,
    "pattern": lambda value, bound: re.search(bound, value) is not None,
    "const": lambda value, bound: value == bound,
    "enum": lambda value, bound: value in bound,
}
NOTES = {"title", "description", "default", "$schema", "$defs", "required", "properties", "items"}
KNOWN = {*BOUNDS, *NOTES, "type", "anyOf", "$ref", "additionalProperties", "prefixItems"}
KNOWN |= {"if", "then", "else"}


def valid(value: Any, rule: Any) -> bool:
    """Whether a value fits a schema, in the subset of JSON Schema that this one uses."""
    if isinstance(rule, bool):
        return rule
    assert set(rule) <= KNOWN, set(rule) - KNOWN
    if "$ref" in rule:
        return valid(value, SCHEMA["$defs"][rule["$ref"].removeprefix("#/$defs/")])
    if "if" in rule:
        return valid(value, rule["then" if valid(value, rule["if"]) else "else"])
    if "anyOf" in rule and not any(valid(value, each) for each in rule["anyOf"]):
        return False
    if "type" in rule:
        if not isinstance(value, TYPES[rule["type"]]):
            return False
        if isinstance(value, bool) and rule["type"] != "boolean":
            return False
    if any(name in rule and not fits(value, rule[name]) for name, fits in BOUNDS.items()):
        return False
    if isinstance(value, dict):
        own = rule.get("properties", {})
        rest = rule.get("additionalProperties", True)
        return all(name in value for name in rule.get("required", ())) and all(
            valid(item, own.get(name, rest)) for name, item in value.items()
        )
    if isinstance(value, list):
        first = rule.get("prefixItems", [])
        rules = [*first, *[rule.get("items", True)] * (len(value) - len(first))]
        return all(map(valid, value, rules))
    return True


RECIPE: dict[str, Any] = {
    "seqkit": 1,
    "name": "pos-ewt",
    "data": {"use": "conllu", "train": "a", "text": "form", "gold": {"a": "b"}},
    "tokenise": {"use": "toys/words", "lower": True},
    "embed": {"use": "concat", "parts": [{"use": "lookup", "file": "x"}, "lookup"]},
    "encode": [{"use": "bilstm", "dropout": 0}, "aligned", {"text": "bilstm"}],
    "decode": "crf",
    "train": {"batch": {"rows": 3}, "optimiser": "sgd", "stop": {"on": "loss"}, "clip": None},
    "evaluate": {"metrics": ["accuracy", {"use": "accuracy"}], "bootstrap": 10},
}


def with_value(path: str, value: object) -> dict[str, Any]:
    recipe = json.loads(json.dumps(RECIPE))
    inside = recipe
    *above, last = path.split(".")
    for name in above:
        inside = inside[int(name) if isinstance(inside, list) else name]
    inside[int(last) if isinstance(inside, list) else last] = value
    return dict(recipe)


def test_a_recipe_fits_the_schema() -> None:
    assert valid(RECIPE, SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_a_chain_fits_the_schema() -> None:
    head = {"seqkit": 1, "name": "both"}
    step = {"run": "runs/one", "read": {"text": "en"}, "give": {"upos": "tags"}}
    more = {"recipe": "two.yaml", "set": {"train.epochs": 5}}
    assert valid({**head, "steps": [step, more]}, SCHEMA)
    wrong: list[Any] = [[], ["runs/one"], [{"read": {}}], [{**step, "reads": {}}], [{"run": 3}]]
    assert not any(valid({**head, "steps": steps}, SCHEMA) for steps in wrong)
    assert not valid({"steps": [step]}, SCHEMA)
    assert not valid({**head, "steps": [step], "data": {}}, SCHEMA)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("encode", {"text": {"use": "bilstm"}}),
        ("encode", "aligned"),
        ("encode", None),
        ("data", "made"),
        ("data", {"use": "made", "train": None, "size": 3, "text": {"a": "b"}}),
        ("decode", {"use": "crf", "search": {"use": "beam", "size": 3}}),
        ("embed.pair", ["lookup", 3]),
        ("embed.named", {"x": "bilstm"}),
        ("train.schedule", {"use": "cosine", "hold": 0.5}),
        ("train.optimiser", {"use": "adam", "rate": 1}),
        ("evaluate.metrics", {"slots": ["accuracy"]}),
    ],
)
def test_other_right_forms_fit(path: str, value: object) -> None:
    assert valid(with_value(path, value), SCHEMA)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seqkit", 2),
        ("name", "a b"),
        ("other", 1),
        ("data", "conllu"),
        ("data.size", 3),
        ("data.use", "conlu"),
        ("tokenise.lower", "yes"),
        ("tokenise.use", "words"),
        ("embed.parts", []),
        ("embed.parts.0.width", 0),
        ("embed.parts.1", "concat"),
        ("embed.pair", ["lookup"]),
        ("embed.pair", ["lookup", 3, 4]),
        ("embed.named", {"x": "aligned"}),
        ("encode.0.dropout", 1),
        ("encode.0.mode", "slow"),
        ("encode.0.hiden", 3),
        ("encode.2", {"text": "aligned"}),
        ("decode", {"search": "beam"}),
        ("decode", {"use": "crf", "search": None}),
        ("train.epochs", True),
        ("train.stop", {"patience": 2}),
        ("train.optimiser", "adm"),
        ("evaluate.bootstrap", -1),
    ],
)
def test_wrong_forms_do_not_fit(path: str, value: object) -> None:
    assert not valid(with_value(path, value), SCHEMA)


def test_the_schema_has_defaults_and_descriptions() -> None:
    stage = SCHEMA["$defs"]["encoder"]["anyOf"][0]
    assert stage["title"] == "encoder bilstm"
    assert stage["description"] == "Bidirectional LSTM (Graves & Schmidhuber 2005)."
    assert stage["properties"]["use"] == {"const": "bilstm"}
    assert stage["properties"]["dropout"] == {
        "type": "number",
        "minimum": 0.0,
        "exclusiveMaximum": 1.0,
        "default": 0.0,
        "description": "share of values dropped.",
    }
    assert stage["additionalProperties"] is False
    search = SCHEMA["$defs"]["decoder"]["anyOf"][0]["properties"]["search"]
    assert search == {"$ref": "#/$defs/search", "default": {"use": "beam", "size": 2}}


def test_an_empty_registry_has_a_schema() -> None:
    assert schema(Registry([]))["else"]["properties"]["data"] == {
        "anyOf": [{"type": "string", "enum": []}]
    }


def test_a_stage_is_explained() -> None:
    assert explain(TOYS, "encode.bilstm") == (
        """\
encode.bilstm

Bidirectional LSTM (Graves & Schmidhuber 2005).

It reads both ways.

From the plugin toys of toys 1.0.

  setting  type                default  what it does
  width    integer > 0         512      output width, half of it for each of the two directions in
                                        which the text is read, so an even number.
  dropout  number in [0, 1)    0.0      share of values dropped.
  mode     one of fast, exact  fast

Example:
  encode: {use: bilstm, width: 512}"""
    )
    assert explain(TOYS, "bilstm") == explain(TOYS, "encoder.bilstm")
    assert max(map(len, explain(TOYS, "bilstm").split("\n"))) <= 100


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("concat", "  embed: {use: concat, parts: [...]}"),
        ("concat", "  parts    list of embedder          required"),
        ("concat", "  named    mapping of names to       {}\n           encoder\n"),
        ("lookup", "  file     a file, relative to the   null\n           data folder or null\n"),
        ("crf", "  search   search  {use: beam, size: 2}"),
        ("search.beam", "  decode: {use: ..., search: {use: beam, size: 5}}"),
        ("data.conllu", "  data: {use: conllu, train: FILE}"),
        ("data.conllu", "It has no settings of its own."),
        ("made", "  data: {use: made, size: 10}"),
        ("evaluate.accuracy", "  evaluate: {metrics: [{use: accuracy}]}"),
        ("train.optimiser.adam", "  train: {optimiser: {use: adam, rate: 0.001}}"),
        ("train.optimiser.adam", "Adam (Kingma & Ba 2015)."),
        ("train.schedule", "  constant  The full rate throughout."),
        ("train", "How a pipeline is trained."),
        ("train", "  optimiser   optimiser                 adam                      by name."),
        (
            "train.batch",
            "  tokens   integer > 0 or null  null     rows x longest row, padding included, ",
        ),
        ("train.stop", "  on        a name          required  a metric of `evaluate`, or loss."),
        ("train.stop", "  goal      number or null  null      a value that is good enough: the"),
        ("encode", "  bilstm   Bidirectional LSTM (Graves & Schmidhuber 2005)."),
        (
            "evaluate",
            "  bootstrap  integer >= 0    1000     samples that the intervals are drawn from",
        ),
        ("data", "Names a source."),
        ("toys/words", "tokenise.toys/words"),
        ("words", "From the plugin more of more-toys 2.0."),
        ("words", "From the plugin toys of toys 1.0."),
    ],
)
def test_every_part_of_a_recipe_is_explained(name: str, line: str) -> None:
    assert line in explain(TOYS, name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "encode.bilstn",
            "nothing called 'encode.bilstn' to explain. Did you mean 'encode.bilstm'?",
        ),
        ("bilstn", "nothing called 'bilstn' to explain. Did you mean 'bilstm'?"),
        ("trian", "nothing called 'trian' to explain. Did you mean 'train'?"),
        ("search.zz", "nothing called 'search.zz' to explain. Did you mean 'search.beam'?"),
    ],
)
def test_unknown_names_get_the_nearest(name: str, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        explain(TOYS, name)
    assert str(caught.value) == message


def test_a_kind_without_stages_says_so() -> None:
    assert explain(Registry([]), "search") == "search\n\nNo search is installed."
