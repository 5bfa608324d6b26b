from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from annotated_types import MaxLen, MinLen

from seqkit import nodes
from seqkit.checks import Checker
from seqkit.errors import PluginError
from seqkit.marks import Mark, Problems
from seqkit.optimisers import (
    BatchSettings,
    Optimiser,
    Schedule,
    TrainSettings,
    adam,
    adamw,
    batch_rules,
    constant,
)
from seqkit.plugins import Plugin, Register, Registry, Use
from seqkit.settings import DataFile, Dropout, Name, Nested, PositiveFloat, PositiveInt
from seqkit.signatures import MISSING, Chosen, descriptions, fields, plain, prose
from seqkit.stages import Embedder, Encoder, Joint, Search, Tokeniser, Upstream
from seqkit.wording import inline, type_words

if TYPE_CHECKING:
    from torch import Tensor


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Window:
    """A window. size: its steps. shift: steps between two; another: unused."""

    size: PositiveInt
    shift: PositiveInt = 1


def bilstm(
    upstream: Tensor,
    *,
    width: PositiveInt = 512,
    dropout: Dropout = 0.0,
    mode: Literal["fast", "exact"] = "fast",
) -> Tensor:
    """Bidirectional LSTM (Graves & Schmidhuber 2005).

    It reads both ways: forwards and backwards.

    width: output width, half of it
        a direction. dropout: share of values dropped.
    """
    return (upstream, width, dropout, mode)  # type: ignore[return-value]


def bilstm_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if settings["width"] % 2:
        yield "width", "is odd"
    if settings["mode"] == "exact" and settings["dropout"]:
        yield "dropout", "excludes 'mode: exact'. Keep one of them."


def joint(upstream: Upstream) -> Joint:
    raise NotImplementedError


def sizes(upstream: Upstream, *, width: PositiveInt) -> Embedder:
    return ("sizes", upstream, width)  # type: ignore[return-value]


def concat(
    upstream: Upstream,
    *,
    parts: Annotated[list[Nested[Embedder]], MinLen(1), MaxLen(3)],
    named: Mapping[str, Nested[Embedder]] = {},
    pair: tuple[Nested[Embedder], int] | None = None,
    either: Nested[Encoder] | list[Nested[Encoder]] | None = None,
    both: Nested[Joint] | None = None,
    encode: Nested[Encoder] = Use("encoder", "bilstm", {"width": 6}),  # noqa: B008
    tuned: tuple[Nested[Optimiser], ...] = (Use("optimiser", "sgd"),),
    window: Window | None = None,
    windows: Sequence[Window] = (),
) -> Embedder:
    raise NotImplementedError


def plainly(
    upstream: Upstream,
    *,
    whole: int = 0,
    number: PositiveFloat = 1.0,
    flag: bool = False,
    text: Name = "x",
    path: DataFile | None = None,
    words: list[str] = [],  # noqa: B006
    table: dict[str, PositiveInt] = {},  # noqa: B006
    pair: tuple[int, float] = (1, 2.0),
    either: int | str = 1,
    colour: Colour = Colour.RED,
    few: Annotated[list[int], MinLen(2)] = [1, 2],  # noqa: B006
    some: set[str] = frozenset(),  # type: ignore[assignment]
) -> Tokeniser:
    raise NotImplementedError


def beam(upstream: Upstream, *, size: PositiveInt = 5) -> Search:
    raise NotImplementedError


def twin(upstream: Upstream) -> Tokeniser:
    raise NotImplementedError


def toys() -> Registry:
    one, two = Plugin("toys", "toys", "toys", "1.0"), Plugin("more", "more", "more-toys", "2.0")
    register = Register(one)
    register.encoder("bilstm", bilstm, rules=bilstm_rules)
    register.encoder("joint", joint, joint=True)
    register.embedder("sizes", sizes)
    register.embedder("concat", concat)
    register.tokeniser("plainly", plainly)
    register.search("beam", beam)
    register.tokeniser("twin", twin)
    Register(two).tokeniser("twin", twin)
    return Registry([one, two])


TOYS = toys()


def check(kind: str, text: str) -> tuple[Chosen | None, list[str]]:
    problems = Problems()
    root = nodes.read(f"at: {text}\n".encode(), "r.yaml", problems)
    assert root is not None
    assert isinstance(root.value, dict)
    chosen = Checker(TOYS, problems).stage(kind, root.value["at"], "at")
    return chosen, [str(problem) for problem in problems.error().problems]


def chosen(kind: str, text: str) -> Chosen:
    found, problems = check(kind, text)
    assert problems == []
    assert found is not None
    return found


def refused(kind: str, text: str) -> list[str]:
    found, problems = check(kind, text)
    assert found is None
    return problems


def test_settings_are_what_stands_after_the_star() -> None:
    width, dropout, mode = fields(bilstm)
    assert (width.name, width.annotation, width.default) == ("width", PositiveInt, 512)
    assert width.description == "output width, half of it a direction."
    assert dropout.description == "share of values dropped."
    assert mode.description == ""
    assert fields(sizes)[0].default is MISSING
    assert fields(sizes)[0].required
    assert fields(joint) == ()


def test_a_dataclass_has_its_fields_as_settings() -> None:
    size, shift = fields(Window)
    assert size.required
    assert (size.description, shift.description) == (
        "its steps.",
        "steps between two; another: unused.",
    )
    batch = {each.name: each for each in fields(TrainSettings)}["batch"]
    assert batch.annotation is BatchSettings
    assert batch.default == BatchSettings(tokens=2000)


def test_one_line_may_describe_several_settings() -> None:
    about = descriptions(adam, ["rate", "beta1", "beta2", "epsilon"])
    assert about["rate"] == "step size."
    assert about["beta1"] == about["beta2"] == "decay of the first and second moment."
    assert about["epsilon"] == "added to the root."
    assert (
        descriptions(adamw, ["rate", "beta1", "beta2", "epsilon", "decay"])["beta2"]
        == "as in adam."
    )
    assert descriptions(constant, ["warmup"]) == {
        "warmup": "updates over which it rises linearly from zero."
    }


def test_prose_is_the_docstring_without_its_settings() -> None:
    assert prose(bilstm, ["width", "dropout"]) == [
        "Bidirectional LSTM (Graves & Schmidhuber 2005).",
        "It reads both ways: forwards and backwards.",
    ]
    assert prose(constant, ["warmup"]) == ["The full rate throughout."]
    assert prose(sizes, []) == []


def test_a_type_that_cannot_be_resolved_names_plugin_and_setting() -> None:
    def broken(upstream: Upstream, *, size: Missing) -> Encoder:  # type: ignore[name-defined]  # noqa: F821
        raise NotImplementedError

    plugin = Plugin("bad", "bad", "bad-dist", "0.1")
    Register(plugin).encoder("broken", broken)
    problems = Problems()
    node = nodes.from_plain("broken", "r.yaml", problems)
    with pytest.raises(PluginError) as caught:
        Checker(Registry([plugin]), problems).stage("encoder", node, "encode")
    assert str(caught.value) == (
        "plugin bad (bad-dist 0.1): encoder 'broken': setting 'size': its type Missing cannot be "
        "resolved: NameError: name 'Missing' is not defined. Import the type at run time."
    )


def test_a_chosen_stage_has_its_defaults_and_builds() -> None:
    found = chosen("encoder", "{use: bilstm, width: 4}")
    assert found.settings == {"width": 4, "dropout": 0.0, "mode": "fast"}
    assert found.where == "r.yaml:1:5"
    assert found.build("up") == ("up", 4, 0.0, "fast")
    assert found.plain() == {"use": "bilstm", "width": 4, "dropout": 0.0, "mode": "fast"}
    assert chosen("encoder", "bilstm") == chosen("encoder", "{use: bilstm}")


def test_nested_stages_are_chosen_with_the_stage_and_defaults_looked_up() -> None:
    found = chosen(
        "embedder",
        "{use: concat, parts: [{use: sizes, width: 2}], pair: [{use: sizes, width: 1}, 3]}",
    )
    assert [part.name for part in found.stages()] == ["concat", "sizes", "sizes", "bilstm", "sgd"]
    assert found.settings["pair"][1] == 3
    assert found.settings["encode"].settings["width"] == 6
    assert found.settings["encode"].where == "r.yaml:1:5"
    written = found.plain()
    assert written["encode"] == {"use": "bilstm", "width": 6, "dropout": 0.0, "mode": "fast"}
    assert written["tuned"][0]["use"] == "sgd"
    assert chosen("embedder", json.dumps(written)) == found


def test_a_union_takes_the_form_that_fits() -> None:
    start = "{use: concat, parts: [{use: sizes, width: 1}], either: "
    assert chosen("embedder", start + "bilstm}").settings["either"].name == "bilstm"
    listed = chosen("embedder", start + "[bilstm, {use: bilstm, width: 2}]}").settings["either"]
    assert [each.settings["width"] for each in listed] == [512, 2]
    assert chosen("embedder", start + "null}").settings["either"] is None
    assert refused("embedder", start + "[bilstm, {use: bilstm, width: 0}]}") == [
        "r.yaml:1:90: at.either.1.width: input should be greater than 0, not 0."
    ]
    assert refused("embedder", start + "3}") == [
        "r.yaml:1:60: at.either: input should be an encoder, not 3."
    ]


def test_dataclasses_inside_are_checked_and_made() -> None:
    start = "{use: concat, parts: [{use: sizes, width: 1}], "
    found = chosen("embedder", start + "window: {size: 3}, windows: [{size: 1, shift: 2}]}")
    assert found.settings["window"] == Window(3)
    assert found.settings["windows"] == [Window(1, 2)]
    assert found.plain()["window"] == {"size": 3, "shift": 1}
    assert refused("embedder", start + "window: {shit: 3}, windows: [4]}") == [
        "r.yaml:1:60: at.window: needs the setting 'size'.",
        "r.yaml:1:61: at.window: has no setting 'shit'. Did you mean 'shift'?",
        "r.yaml:1:81: at.windows.0: input should be a mapping, not 4.",
    ]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            "{use: bilstm, hiden: 3}",
            ["1:19: at: bilstm has no setting 'hiden'. Known: dropout, mode, width."],
        ),
        (
            "{use: bilstm, widht: 3}",
            ["1:19: at: bilstm has no setting 'widht'. Did you mean 'width'?"],
        ),
        (
            "{use: bilstm, dropout: 1.5}",
            ["1:28: at.dropout: input should be less than 1, not 1.5."],
        ),
        ("{use: bilstm, width: '3'}", ["1:26: at.width: input should be an integer, not '3'."]),
        ("{use: bilstm, width: true}", ["1:26: at.width: input should be an integer, not true."]),
        ("{use: bilstm, width: 4.0}", ["1:26: at.width: input should be an integer, not 4.0."]),
        ("{use: bilstm, width: }", ["1:26: at.width: input should be an integer, not null."]),
        ("{use: bilstm, width: [1]}", ["1:26: at.width: input should be an integer, not a list."]),
        (
            "{use: bilstm, mode: fats}",
            ["1:25: at.mode: input should be 'fast' or 'exact', not 'fats'."],
        ),
        ("{use: bilstn}", ["1:11: at: no encoder called 'bilstn'. Did you mean 'bilstm'?"]),
        ("bilstn", ["1:5: at: no encoder called 'bilstn'. Did you mean 'bilstm'?"]),
        ("{width: 3}", ["1:5: at: needs 'use', the name of an encoder. Known: bilstm, joint."]),
        ("{use: 3}", ["1:11: at: needs 'use', the name of an encoder. Known: bilstm, joint."]),
        ("3", ["1:5: at: input should be an encoder, not 3."]),
        ("[bilstm]", ["1:5: at: input should be an encoder, not a list."]),
        ("{use: bilstm, width: 3}", ["1:19: at: bilstm: 'width' is odd."]),
        (
            "{use: bilstm, mode: exact, dropout: 0.5, width: 5}",
            [
                "1:32: at: bilstm: 'dropout' excludes 'mode: exact'. Keep one of them.",
                "1:46: at: bilstm: 'width' is odd.",
            ],
        ),
        (
            "joint",
            ["1:5: at: joint is a joint encoder: it reads all inputs at once and cannot be here."],
        ),
        (
            "{use: bilstm, width: 0, x: 1, dropout: -1}",
            [
                "1:26: at.width: input should be greater than 0, not 0.",
                "1:29: at: bilstm has no setting 'x'. Known: dropout, mode, width.",
                "1:44: at.dropout: input should be greater than or equal to 0, not -1.",
            ],
        ),
    ],
)
def test_wrong_stages_are_told_with_place_and_hint(text: str, messages: list[str]) -> None:
    assert refused("encoder", text) == [f"r.yaml:{message}" for message in messages]


def test_a_missing_setting_is_told() -> None:
    assert refused("embedder", "sizes") == ["r.yaml:1:5: at: sizes needs the setting 'width'."]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("number: 2", 2.0),
        ("words: [a, no]", ["a", "no"]),
        ("table: {a: 1}", {"a": 1}),
        ("pair: [1, 2]", (1, 2.0)),
        ("either: b", "b"),
        ("colour: blue", Colour.BLUE),
        ("some: [b, a]", {"a", "b"}),
        ("path:", None),
    ],
)
def test_plain_types_work_as_they_are(text: str, value: object) -> None:
    found = chosen("tokeniser", f"{{use: plainly, {text} }}")
    assert found.settings[text.partition(":")[0]] == value
    again = chosen("tokeniser", json.dumps(found.plain()))
    assert again.settings == found.settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("whole: 1.5", "27: at.whole: input should be an integer, not 1.5."),
        ("whole: true", "27: at.whole: input should be an integer, not true."),
        ("number: .0", "28: at.number: input should be greater than 0, not 0.0."),
        ("number: x", "28: at.number: input should be a number, not 'x'."),
        ("number: true", "28: at.number: input should be a number, not true."),
        ("flag: yes", "26: at.flag: input should be true or false, not 'yes'."),
        ("flag: 1", "26: at.flag: input should be true or false, not 1."),
        ("text: 1", "26: at.text: input should be text, not 1."),
        ("text: ''", "26: at.text: input should not be empty."),
        ("words: a", "27: at.words: input should be a list, not 'a'."),
        ("words: [a, 1]", "31: at.words.1: input should be text, not 1."),
        ("table: [a]", "27: at.table: input should be a mapping, not a list."),
        ("table: {a: 0}", "31: at.table.a: input should be greater than 0, not 0."),
        ("either: 1.5", "28: at.either: input should be an integer or text, not 1.5."),
        ("colour: green", "28: at.colour: input should be 'red' or 'blue', not 'green'."),
        ("few: [1]", "25: at.few: list should have at least 2 items, not 1."),
        ("text: [" + "x, " * 9 + "]", "26: at.text: input should be text, not a list."),
    ],
)
def test_wrong_values_are_told_at_their_place(text: str, message: str) -> None:
    assert refused("tokeniser", f"{{use: plainly, {text} }}") == [f"r.yaml:1:{message}"]


def test_wrong_lists_of_stages_are_told() -> None:
    assert refused("embedder", "{use: concat, parts: []}") == [
        "r.yaml:1:26: at.parts: list should have at least 1 item, not 0."
    ]
    assert refused(
        "embedder", "{use: concat, parts: [sizes, {use: sizes, width: x}], named: [1], pair: [x]}"
    ) == [
        "r.yaml:1:27: at.parts.0: sizes needs the setting 'width'.",
        "r.yaml:1:54: at.parts.1.width: input should be an integer, not 'x'.",
        "r.yaml:1:66: at.named: input should be a mapping, not a list.",
        "r.yaml:1:77: at.pair: input should be a list of 2, not of 1.",
    ]
    start = "{use: concat, parts: [{use: sizes, width: 1}], "
    assert refused("embedder", start + "both: bilstm, encode: joint}") == [
        "r.yaml:1:58: at.both: bilstm is no joint encoder.",
        "r.yaml:1:74: at.encode: joint is a joint encoder: it reads all inputs at once and cannot "
        "be here.",
    ]


def test_a_name_of_two_plugins_needs_its_distribution_and_keeps_it() -> None:
    assert refused("tokeniser", "twin") == [
        "r.yaml:1:5: at: tokeniser 'twin' is in 2 plugins. Say 'more-toys/twin' or 'toys/twin'."
    ]
    assert chosen("tokeniser", "more-toys/twin").plain() == {"use": "more-toys/twin"}
    assert chosen("encoder", "toys/bilstm").plain()["use"] == "bilstm"


def test_hostile_names_are_shown_short_and_on_one_line() -> None:
    (message,) = refused("encoder", '"' + "x\\n" * 5000 + '"')
    assert message.startswith("r.yaml:1:5: at: no encoder called 'x x x x")
    assert len(message) < 200


def test_rules_of_dataclasses_point_at_the_setting() -> None:
    def batch(text: str) -> list[str]:
        problems = Problems()
        node = nodes.override(nodes.from_plain({}, "", problems), "batch", text, problems)
        check = Checker(TOYS, problems, {BatchSettings: batch_rules})
        check.value(TrainSettings, node, "train")
        return [str(problem) for problem in problems.error().problems]

    assert batch("{rows: 32}") == []
    assert batch("{tokens: 5, rows: 32}") == [
        "--set batch: train.batch.rows: excludes 'tokens'. Keep one of them."
    ]
    assert batch("{pool: 3}") == [
        "--set batch: train.batch.tokens: say how to batch: {tokens: 2000}, {rows: 32} or "
        "{streams: 20, window: 35}."
    ]


def test_optimisers_and_schedules_are_closed_tables() -> None:
    def train(text: str) -> tuple[Any, list[str]]:
        problems = Problems()
        node = nodes.override(nodes.from_plain({"x": 1}, "", problems), "x", text, problems)
        assert isinstance(node.value, dict)
        value = Checker(TOYS, problems).value(TrainSettings, node.value["x"], "train")
        return value, [str(problem) for problem in problems.error().problems]

    settings, problems = train("{optimiser: {use: sgd, rate: 1}, schedule: cosine}")
    assert problems == []
    assert settings.optimiser.plain() == {"use": "sgd", "rate": 1.0, "momentum": 0.0, "decay": 0.0}
    assert settings.schedule.build().factor(0, 10) == 1.0
    assert train("{}")[0].optimiser.name == "adam"
    assert train("{optimiser: adm, schedule: {use: linear, warm: 1}}")[1] == [
        "--set x: train.optimiser: no optimiser called 'adm'. Did you mean 'adam'?",
        "--set x: train.schedule: linear has no setting 'warm'. Did you mean 'warmup'?",
    ]


def test_faults_of_plugins_have_an_owner() -> None:
    def angry(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        raise KeyError("width")

    def reserved(upstream: Upstream, *, use: str = "") -> Encoder:
        raise NotImplementedError

    def strange(
        upstream: Upstream, *, stage: Nested[Optimiser | Schedule] | None = None
    ) -> Encoder:
        raise NotImplementedError

    def odd(upstream: Upstream, *, thing: Mark | Problems | None = None) -> Encoder:
        raise NotImplementedError

    plugin = Plugin("bad", "bad", "bad-dist", "0.1")
    register = Register(plugin)
    register.encoder("angry", bilstm, rules=angry)
    register.encoder("reserved", reserved)
    register.encoder("strange", strange)
    register.encoder("odd", odd)

    def fault(text: str) -> str:
        problems = Problems()
        node = nodes.override(nodes.from_plain({"x": 1}, "", problems), "x", text, problems)
        assert isinstance(node.value, dict)
        with pytest.raises(PluginError) as caught:
            Checker(Registry([plugin]), problems).stage("encoder", node.value["x"], "encode")
        return str(caught.value)

    who = "plugin bad (bad-dist 0.1): encoder "
    assert fault("angry") == f"{who}'angry': its rules fail: KeyError: 'width'"
    assert fault("reserved") == f"{who}'reserved': setting 'use' is a word of recipes. Rename it."
    assert "names no kind of stage" in fault("{use: strange, stage: adam}")
    assert "cannot be checked" in fault("{use: odd, thing: {file: x, line: z}}")


@dataclass(frozen=True)
class Holder:
    stage: Nested[Encoder] = field(default_factory=lambda: Use("encoder", "bilstm"))


def test_defaults_inside_dataclasses_are_looked_up_too() -> None:
    problems = Problems()
    held = Checker(TOYS, problems).value(Holder, nodes.from_plain({}, "r", problems), "x")
    assert not problems
    assert isinstance(held.stage, Chosen)
    assert plain(held) == {"stage": held.stage.plain()}


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (PositiveInt, "integer > 0"),
        (Dropout, "number in [0, 1)"),
        (PositiveInt | None, "integer > 0 or null"),
        (bool, "true or false"),
        (DataFile, "a file, relative to the data folder"),
        (Literal["a", 1], "one of a, 1"),
        (Colour, "one of red, blue"),
        (Nested[Encoder], "encoder"),
        (Nested[Joint], "joint encoder"),
        (list[Nested[Embedder]], "list of embedder"),
        (tuple[int, ...], "list of integer"),
        (dict[str, float], "mapping of names to number"),
        (Window, "settings"),
        (Any, "anything"),
        (Mark, "settings"),
        (Problems, "Problems"),
    ],
)
def test_types_have_plain_words(annotation: Any, words: str) -> None:
    assert type_words(annotation) == words


def test_values_are_written_on_one_line() -> None:
    value = {"a": [1, 0.5, None, True], "b": "x y", "c": "true", "d": "word-1.x", "e": "", "f": {}}
    assert inline(value) == (
        '{a: [1, 0.5, null, true], b: "x y", c: "true", d: word-1.x, e: "", f: {}}'
    )
