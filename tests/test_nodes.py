from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit import nodes
from seqkit.errors import RecipeError
from seqkit.marks import MAX_PROBLEMS, Mark, Node, Problems, TooManyError, put

FILE = "recipe.yaml"


def read(text: str | bytes) -> tuple[Node | None, list[str]]:
    problems = Problems()
    content = text if isinstance(text, bytes) else text.encode()
    node = nodes.read(content, FILE, problems)
    return node, [str(problem) for problem in problems.error().problems]


def plain(text: str) -> Any:
    node, problems = read(text)
    assert problems == []
    assert node is not None
    return node.plain()


def refused(text: str | bytes) -> list[str]:
    return read(text)[1]


def test_values_and_keys_know_where_they_stand() -> None:
    node, problems = read("name: x\nencode: {use: bilstm,\n  width: 512}\nlist:\n- 1\n-  two\n")
    assert problems == []
    assert node is not None
    assert isinstance(node.value, dict)
    encode = node.value["encode"]
    assert isinstance(encode.value, dict)
    assert node.mark == Mark(FILE, 1, 1)
    assert encode.mark == Mark(FILE, 2, 9)
    assert encode.keys["width"] == Mark(FILE, 3, 3)
    assert str(encode.value["width"].mark) == "recipe.yaml:3:10"
    items = node.value["list"].value
    assert isinstance(items, tuple)
    assert items[1] == Node("two", Mark(FILE, 6, 4))


def test_columns_count_characters_and_a_byte_order_mark_is_none() -> None:
    node, _ = read("\ufeffü: {é𝄞: 1}\n".encode())
    assert node is not None
    assert isinstance(node.value, dict)
    inside = node.value["ü"]
    assert isinstance(inside.value, dict)
    assert inside.value["é𝄞"].mark == Mark(FILE, 1, 9)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("", None),
        ("~", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("+4", 4),
        ("0", 0),
        ("012", "012"),
        ("1_000", "1_000"),
        ("0x1f", "0x1f"),
        ("1:30", "1:30"),
        ("1e-3", 1e-3),
        ("2.0e-3", 2e-3),
        (".5", 0.5),
        ("1.", 1.0),
        ("-1E5", -1e5),
        ("01.5", "01.5"),
        ("1.2.3", "1.2.3"),
        ("2024-01-01", "2024-01-01"),
        ("'12'", "12"),
        ('"true"', "true"),
        ('"\\u00e9\\n"', "é\n"),
        ("=", "="),
        ("[1, [a, {b: c}]]", [1, ["a", {"b": "c"}]]),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = plain(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_a_key_such_as_on_is_text() -> None:
    assert plain("stop: {on: accuracy, no: 1}") == {"stop": {"on": "accuracy", "no": 1}}


def test_anchors_and_aliases_work() -> None:
    assert plain("a: &x {b: [1]}\nc: *x\nd: [*x, *x]") == {
        "a": {"b": [1]},
        "c": {"b": [1]},
        "d": [{"b": [1]}] * 2,
    }


def test_every_recoverable_problem_is_collected() -> None:
    text = "a: 1\na: 2\nb: !!python/name:os.system x\nc: {<<: {d: 1}, 3: x}\ne: .inf\n"
    node, problems = read(text)
    assert node is not None
    assert problems == [
        "recipe.yaml:2:1: the key 'a' is given twice (first in line 1). Keep one.",
        "recipe.yaml:3:4: the tag tag:yaml.org,2002:python/name:os.system is not allowed. "
        "Remove it.",
        "recipe.yaml:4:5: merges with << are not allowed. Write the keys out.",
        "recipe.yaml:4:17: a key is text, not 3. Quote it.",
        "recipe.yaml:5:4: .inf is no finite number. Quote it if it is text.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!str 1", "1:4: the tag tag:yaml.org,2002:str is not allowed. Remove it."),
        ("a: !own 1", "1:4: the tag !own is not allowed. Remove it."),
        ("!!map {a: 1}", "1:1: the tag tag:yaml.org,2002:map is not allowed. Remove it."),
        ("a: 1\ntrue: 1", "2:1: a key is text, not true. Quote it."),
        ("? [a]\n: 1", "1:3: a key is text, not a list. Quote it."),
        ("? {a: b}\n: 1", "1:3: a key is text, not a mapping. Quote it."),
        ("a: {null: 1}", "1:5: a key is text, not null. Quote it."),
        ("a: &x [*x]", "1:8: the alias *x stands inside its own anchor."),
        ("a: &x {b: {c: *x}}", "1:15: the alias *x stands inside its own anchor."),
        ("a: *y", "1:4: the alias *y has no anchor before it."),
        ("a: 1\n---\nb: 1", "2:1: a second document starts here. A recipe is one document."),
        ("", "1:1: the recipe is empty."),
        ("# only a comment\n", "1:1: the recipe is empty."),
        ("---\n...\n", "1:1: the recipe is empty."),
        ("- a\n", "1:1: a recipe is a mapping of keys, not a list."),
        ("word", "1:1: a recipe is a mapping of keys, not 'word'."),
        ("a: 1234567890123456789", "1:4: a whole number has at most 18 digits. Quote text."),
        ("a: 1e999", "1:4: 1e999 is no finite number. Quote it if it is text."),
        ("a: .NaN", "1:4: .NaN is no finite number. Quote it if it is text."),
        ('a: "\\0"', "1:4: the character U+0000 cannot stand in a recipe."),
        ("a: 1\nb: \x00", "2:4: the character U+0000 cannot stand in a recipe."),
        ("a: \x1b[0m", "1:4: the character U+001B cannot stand in a recipe."),
        ("a: \x7f", "1:4: the character U+007F cannot stand in a recipe."),
        ("a:\n\tb: 1", "2:1: not valid YAML: a tab cannot indent. Use spaces."),
    ],
)
def test_each_trap_is_refused_with_its_place(text: str, message: str) -> None:
    assert refused(text) == [f"recipe.yaml:{message}"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: b: c", "1:5"),
        ("a: [1, 2", "1:"),
        ("a: 'open", "1:"),
        ("a: 1\n b: 2", "2:"),
        ("a: %x\nb: @x", "1:4"),
        ("a: 1\n}", "2:1"),
        ("%YAML 3.0\n---\na: 1", "1:"),
        ('a: "\\ud800"', "1:"),
        ('a: "\\xq"', "1:"),
    ],
)
def test_wrong_yaml_keeps_the_place_of_the_parser(text: str, place: str) -> None:
    (message,) = refused(text)
    if not message.startswith(f"recipe.yaml:{place}"):
        assert message.startswith("recipe.yaml:")
        assert "not valid YAML" in message
    assert "\n" not in message


def test_bytes_that_are_no_utf8_are_named_with_their_place() -> None:
    assert refused(b"a: 1\nbc: \xff\n") == ["recipe.yaml:2:5: not UTF-8. Save the recipe as UTF-8."]
    assert refused("a: 1".encode("utf-16"))[0].startswith("recipe.yaml:1:1: not UTF-8.")
    assert refused(b"a: \xed\xa0\x80") == ["recipe.yaml:1:4: not UTF-8. Save the recipe as UTF-8."]


def test_an_alias_bomb_is_counted_and_never_expanded() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    bomb = "a0: &a0 [lol, lol]\n" + "\n".join(levels)
    started = time.perf_counter()
    (message,) = refused(bomb)
    assert time.perf_counter() - started < 0.5
    assert message == (
        "recipe.yaml:6:25: the recipe has more than 100000 values, aliases included."
    )


def test_merge_bombs_are_refused_at_once() -> None:
    lines = [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 25)]
    messages = refused("a0: &a0 {k: v}\n" + "\n".join(lines))
    assert messages[0] == "recipe.yaml:2:10: merges with << are not allowed. Write the keys out."


def test_aliases_cannot_hide_depth() -> None:
    def nested(depth: int, inside: str) -> str:
        return "[" * depth + inside + "]" * depth

    fits = f"a: &a {nested(31, 'x')}\nb: {nested(32, '*a')}"
    assert refused(fits) == []
    too_deep = f"a: &a {nested(31, 'x')}\nb: {nested(33, '*a')}"
    assert refused(too_deep) == ["recipe.yaml:2:37: the recipe is nested more than 64 deep."]


def test_depth_and_number_of_values_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused("a: " + "[" * 63 + "]" * 63) == []
    deep = "a: " + "[" * 100_000
    assert refused(deep) == ["recipe.yaml:1:67: the recipe is nested more than 64 deep."]
    assert refused("a: " + "{b: " * 64)[0].endswith("nested more than 64 deep.")
    monkeypatch.setattr(nodes, "MAX_NODES", 1000)
    wide = "a: [" + "1," * 1000 + "]"
    assert refused(wide)[0].endswith("the recipe has more than 1000 values, aliases included.")
    assert refused("a: [" + "1," * 997 + "]") == []


def test_a_flood_of_problems_ends() -> None:
    problems = Problems()
    with pytest.raises(TooManyError):
        nodes.read(b"1: x\n" * 1000, FILE, problems)
    found = problems.error().problems
    assert len(found) == MAX_PROBLEMS + 1
    assert str(found[-1]) == "recipe.yaml: more than 100 problems. Mend these first."


def test_files_that_cannot_be_recipes_are_refused(tmp_path: Path) -> None:
    def message(path: Path) -> str:
        with pytest.raises(RecipeError) as caught:
            nodes.load(path)
        return str(caught.value).removeprefix(str(path))

    assert message(tmp_path / "x.yaml").endswith("no such recipe. Check the path.")
    assert message(tmp_path).endswith("is a folder, not a recipe. Name the file in it.")
    assert message(Path("/dev/null")) == ": is not a file."
    assert message(Path("x\0y")).startswith("x y: ")
    assert "\n" not in message(tmp_path / ("x" * 5000))
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (nodes.MAX_BYTES + 1))
    assert message(large).endswith("is larger than 1000000 bytes, the limit of a recipe.")
    large.write_bytes(b"#" * nodes.MAX_BYTES)
    assert len(nodes.load(large)) == nodes.MAX_BYTES


def overridden(text: str, path: str, value: str) -> tuple[Any, list[str]]:
    root, _ = read(text)
    assert root is not None
    problems = Problems()
    changed = nodes.override(root, path, value, problems)
    return changed.plain(), [str(problem) for problem in problems.error().problems]


@pytest.mark.parametrize(
    ("path", "value", "result"),
    [
        ("a", "2", {"a": 2, "l": [1, {"m": 2}], "s": "bilstm", "n": None}),
        ("b.c", "no", {"a": 1, "l": [1, {"m": 2}], "s": "bilstm", "n": None, "b": {"c": "no"}}),
        ("l.1.m", "[x]", {"a": 1, "l": [1, {"m": ["x"]}], "s": "bilstm", "n": None}),
        ("l.0", "{y: 1e-3}", {"a": 1, "l": [{"y": 1e-3}, {"m": 2}], "s": "bilstm", "n": None}),
        (
            "s.width",
            "3",
            {"a": 1, "l": [1, {"m": 2}], "s": {"use": "bilstm", "width": 3}, "n": None},
        ),
        ("n.epochs", "3", {"a": 1, "l": [1, {"m": 2}], "s": "bilstm", "n": {"epochs": 3}}),
        ("a", "", {"a": None, "l": [1, {"m": 2}], "s": "bilstm", "n": None}),
    ],
)
def test_an_override_replaces_one_value(path: str, value: str, result: object) -> None:
    changed, problems = overridden("a: 1\nl: [1, {m: 2}]\ns: bilstm\nn:\n", path, value)
    assert problems == []
    assert changed == result


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("", "1", "a path is names with dots between, such as encode.width."),
        ("a..b", "1", "a path is names with dots between, such as encode.width."),
        ("l.2", "1", "'2' is no place in a list of 2. Count from 0."),
        ("l.-1", "1", "'-1' is no place in a list of 2. Count from 0."),
        ("l.x", "1", "'x' is no place in a list of 2. Count from 0."),
        ("l.²", "1", "'²' is no place in a list of 2. Count from 0."),
        ("a.b", "1", "there is no 'b' in 1."),
        ("a", "!!python/name:os.system", "the tag tag:yaml.org,2002:python/name:os.system is "),
        ("a", "\udc80", "the character U+DC80 cannot stand in a recipe."),
        ("a", "[1", "not valid YAML: "),
        ("a", "x" * (nodes.MAX_BYTES + 1), "is longer than 1000000 characters."),
        (".".join("a" * 65), "1", "a path has at most 64 names."),
    ],
)
def test_wrong_overrides_are_problems(path: str, value: str, message: str) -> None:
    _, (problem,) = overridden("a: 1\nl: [1, 2]\n", path, value)
    assert problem.startswith("--set ")
    assert message in problem


def test_an_override_is_named_as_the_place_of_its_values() -> None:
    root, _ = read("encode: {use: bilstm}")
    assert root is not None
    problems = Problems()
    changed = nodes.override(root, "encode.width", "{a: 1}", problems)
    assert isinstance(changed.value, dict)
    encode = changed.value["encode"]
    assert isinstance(encode.value, dict)
    assert str(encode.mark) == "recipe.yaml:1:9"
    assert str(encode.keys["width"]) == "--set encode.width"
    assert str(encode.value["width"].keys["a"]) == "--set encode.width"


def test_plain_python_data_becomes_nodes() -> None:
    problems = Problems()
    data = {"a": [1, 2.5, None, True], "b": (Path("x/y"),)}
    node = nodes.from_plain(data, "model", problems)
    assert not problems
    assert node.plain() == {"a": [1, 2.5, None, True], "b": ["x/y"]}
    assert str(node.mark) == "model"
    changed = nodes.set_value(node, "a.0", {"c": 3}, problems)
    assert changed.plain()["a"][0] == {"c": 3}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": object()}, "a object cannot stand in a recipe."),
        ({"a": np.zeros(2)}, "a ndarray cannot stand in a recipe."),
        ({"a": b"x"}, "a bytes cannot stand in a recipe."),
        ({1: 2}, "a key is text, not 1."),
        ({"a": float("nan")}, "nan is no finite number."),
        ({"a": "\ud800"}, "the character U+D800 cannot stand in a recipe."),
    ],
)
def test_other_python_data_is_refused(value: object, message: str) -> None:
    problems = Problems()
    nodes.from_plain(value, "set a", problems)
    assert [str(problem) for problem in problems.error().problems] == [f"set a: {message}"]


def test_python_data_that_holds_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = Problems()
    endless: list[object] = []
    endless.append(endless)
    nodes.from_plain(endless, "set a", problems)
    assert str(problems.error()) == "set a: the value is nested more than 64 deep."
    monkeypatch.setattr(nodes, "MAX_NODES", 1000)
    twice: list[object] = [1]
    for _ in range(40):
        twice = [twice, twice]
    problems = Problems()
    nodes.from_plain(twice, "set a", problems)
    assert str(problems.error()) == "set a: the value is of more than 1000 values."


@given(st.binary(max_size=200))
def test_any_bytes_give_a_mapping_or_problems(content: bytes) -> None:
    node, problems = read(content)
    assert (node is None) <= bool(problems)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text("ab1.e-: #'\"\n é"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_what_is_written_as_json_reads_as_it_was(value: object) -> None:
    import json

    assert plain(json.dumps({"a": value}, ensure_ascii=False)) == {"a": value}


def test_put_leaves_the_tree_it_is_given_alone() -> None:
    root, _ = read("a: {b: 1}")
    assert root is not None
    put(root, "a.b", Node(2, Mark("x")), Mark("x"), Problems())
    assert root.plain() == {"a": {"b": 1}}


def test_reading_imports_neither_pydantic_nor_torch() -> None:
    code = (
        "import sys, seqkit.nodes\n"
        "print([name for name in ('pydantic', 'torch', 'numpy') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
