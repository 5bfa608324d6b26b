from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import MinLen

from seqkit.errors import DataError, RecipeError
from seqkit.optimisers import BatchSettings
from seqkit.plugins import Plugin, Register, Registry
from seqkit.recipe import Recipe, check_stage, data_folder, read_recipe, recipe_from_plain
from seqkit.settings import Dropout, Nested, PositiveInt
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

RECIPE = """\
seqkit: 1                       # recipe format
name: pos-ewt
data:    {use: conllu, train: train.gz, dev: dev.gz, text: form, gold: upos}
tokenise: {use: words}
embed:   {use: concat, parts: [{use: lookup, width: 100}, lookup]}
encode:  {use: bilstm, width: 512, dropout: 0.3}
decode:  {use: crf}
train:   {epochs: 20, batch: {tokens: 2000}, optimiser: {use: adam, rate: 2.0e-3},
          stop: {on: accuracy, patience: 5}}
evaluate: {metrics: [accuracy, {use: span_f1, scheme: IOB}]}
"""
SEVERAL = """\
seqkit: 1
name: intents
data: {use: made, text: {passage: p, question: q}, gold: {slots: s, intent: i}}
tokenise: {use: words}
embed: {passage: {use: lookup, width: 2}, question: {use: lookup, width: 3}}
encode:
  - {passage: bilstm, question: {use: bilstm, width: 4}}
  - aligned
  - bilstm
decode: {use: crf, search: {use: beam, size: 2}}
train: {stop: {on: slots.span_f1}}
evaluate:
  metrics: {slots: [span_f1, accuracy], intent: [accuracy]}
  bootstrap: 10
"""


def words(upstream: Upstream, *, lower: bool = False) -> Tokeniser:
    raise NotImplementedError


def lookup(upstream: Upstream, *, width: PositiveInt = 100) -> Embedder:
    raise NotImplementedError


def concat(upstream: Upstream, *, parts: Annotated[list[Nested[Embedder]], MinLen(1)]) -> Embedder:
    raise NotImplementedError


def bilstm(upstream: Upstream, *, width: PositiveInt = 512, dropout: Dropout = 0.0) -> Encoder:
    raise NotImplementedError


def even(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if settings["width"] % 2:
        yield "width", "must be even"


def aligned(upstream: Upstream) -> Joint:
    raise NotImplementedError


def crf(upstream: Upstream, *, search: Nested[Search] | None = None) -> Decoder:
    raise NotImplementedError


def beam(upstream: Upstream, *, size: PositiveInt = 5) -> Search:
    raise NotImplementedError


def conllu(*, columns: PositiveInt = 10) -> Source:
    raise NotImplementedError


def halves(*, ending: str = ".a") -> Source:
    raise NotImplementedError


def both(settings: Mapping[str, Any], place: Path) -> list[Path]:
    """Two files of a place, of which the second has an ending that the recipe sets."""
    if place.suffix:
        raise DataError(f"{place}: has an ending.")
    return [Path(f"{place}.x"), Path(f"{place}{settings['ending']}")]


def made(*, size: PositiveInt = 10) -> Source:
    raise NotImplementedError


def accuracy() -> Metric:
    raise NotImplementedError


def span_f1(*, scheme: Literal["BIO", "IOB"] = "BIO") -> Metric:
    raise NotImplementedError


def toys() -> Registry:
    plugin = Plugin("toys", "toys", "toys", "1.0")
    register = Register(plugin)
    register.tokeniser("words", words)
    register.embedder("lookup", lookup)
    register.embedder("concat", concat)
    register.encoder("bilstm", bilstm, rules=even)
    register.encoder("aligned", aligned, joint=True)
    register.decoder("crf", crf)
    register.search("beam", beam)
    register.source("conllu", conllu, files=True)
    register.source("halves", halves, files=both)
    register.source("made", made)
    register.metric("accuracy", accuracy)
    register.metric("span_f1", span_f1)
    return Registry([plugin])


TOYS = toys()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEQKIT_DATA", raising=False)
    return tmp_path


def read(
    text: str | bytes,
    overrides: Mapping[str, str] | None = None,
    values: Mapping[str, Any] | None = None,
    data: Path | None = None,
) -> Recipe:
    path = Path("recipe.yaml")
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_recipe(path, overrides or {}, data, values or {}, TOYS)


def refused(text: str, *args: Any, **named: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        read(text, *args, **named)
    return str(caught.value).split("\n")


def changed(old: str, new: str, text: str = RECIPE) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_a_recipe_is_read_with_all_defaults(folder: Path) -> None:
    recipe = read(RECIPE)
    assert recipe.name == "pos-ewt"
    assert recipe.data is not None
    assert recipe.data.source.settings == {"columns": 10}
    assert recipe.data.files
    assert recipe.data.places == {"train": "train.gz", "dev": "dev.gz"}
    assert recipe.data.text == {"text": "form"}
    assert recipe.data.gold == "upos"
    assert list(recipe.tokenise) == list(recipe.embed) == ["text"]
    assert [part.settings for part in recipe.embed["text"].settings["parts"]] == [
        {"width": 100}
    ] * 2
    (encoder,) = recipe.encode
    assert not isinstance(encoder, Mapping)
    assert encoder.settings == {"width": 512, "dropout": 0.3}
    assert encoder.where == "recipe.yaml:6:10"
    assert recipe.decode.settings == {"search": None}
    assert recipe.train.epochs == 20
    assert recipe.train.batch == BatchSettings(tokens=2000)
    assert recipe.train.optimiser.plain()["rate"] == 2e-3  # type: ignore[attr-defined]
    assert recipe.train.schedule.plain() == {"use": "constant", "warmup": 0}  # type: ignore[attr-defined]
    assert [(gold, metric.name) for gold, metric in recipe.metrics] == [
        ("", "accuracy"),
        ("", "span_f1"),
    ]
    assert recipe.metric_names() == ("accuracy", "span_f1")
    assert recipe.bootstrap == 1000


def test_several_inputs_and_golds_have_stages_by_name(folder: Path) -> None:
    recipe = read(SEVERAL)
    assert recipe.tokenise["passage"] is recipe.tokenise["question"]
    assert [each.settings["width"] for each in recipe.embed.values()] == [2, 3]
    first, second, third = recipe.encode
    assert isinstance(first, Mapping)
    assert first["question"].settings["width"] == 4
    assert not isinstance(second, Mapping)
    assert second.stage.joint
    assert not isinstance(third, Mapping)
    assert recipe.metric_names() == ("slots.span_f1", "slots.accuracy", "intent.accuracy")
    assert recipe.bootstrap == 10
    assert [chosen.name for chosen in recipe.stages()] == [
        "made",
        "words",
        "lookup",
        "lookup",
        "bilstm",
        "bilstm",
        "aligned",
        "bilstm",
        "crf",
        "beam",
        "adam",
        "constant",
        "span_f1",
        "accuracy",
        "accuracy",
    ]


@pytest.mark.parametrize("text", [RECIPE, SEVERAL])
def test_the_resolved_recipe_reads_to_an_equal_one(folder: Path, text: str) -> None:
    recipe = read(text)
    written = recipe.plain()
    again = recipe_from_plain(json.loads(json.dumps(written)), "run/recipe.json", registry=TOYS)
    assert again == recipe
    assert again.plain() == written
    assert read(json.dumps(written)) == recipe
    order = ["seqkit", "name", "data", "tokenise", "embed", "encode", "decode", "train", "evaluate"]
    assert list(written) == order
    assert again.where("decode") == "run/recipe.json"


def test_sharing_is_kept_in_the_resolved_recipe(folder: Path) -> None:
    written = read(SEVERAL).plain()
    assert written["tokenise"] == {"use": "words", "lower": False}
    twice = changed("{use: words}", "{passage: words, question: words}", SEVERAL)
    assert set(read(twice).plain()["tokenise"]) == {"passage", "question"}


def test_a_recipe_remembers_where_it_says_things(folder: Path) -> None:
    recipe = read(RECIPE, {"encode.width": "256"})
    assert recipe.where("data.train") == "recipe.yaml:3:31"
    assert recipe.where("data.gold") == "recipe.yaml:3:72"
    assert recipe.where("decode") == "recipe.yaml:7:10"
    assert recipe.where("encode.width") == "--set encode.width"
    assert recipe.where("train.optimiser.rate") == "recipe.yaml:8:75"
    assert recipe.where("train.clip") == "recipe.yaml:8:10"
    assert recipe.where("nothing.at.all") == "recipe.yaml"


def test_a_saved_recipe_may_lack_data(folder: Path) -> None:
    written = read(RECIPE).plain()
    del written["data"]
    saved = recipe_from_plain(written, "model", registry=TOYS)
    assert saved.data is None
    assert list(saved.embed) == ["text"]
    assert "data" not in saved.plain()
    several = read(SEVERAL).plain()
    del several["data"]
    names = ("passage", "question")
    assert tuple(recipe_from_plain(several, "model", names, TOYS).tokenise) == names


def test_all_problems_are_told_at_once_in_the_order_of_the_file(folder: Path) -> None:
    text = """\
seqkit: 1
name: a b
data:    {use: conlu, train: x}
name: again
tokenize: words
embed:
  use: concat
  parts: [{use: lookup, width: 0}, {use: lokup}]
encode:
    hiden: 3
    use: bilstm
    dropout: 1.5
train: {epochs: 0, batch: {tokens: 1, rows: 2}, stop: {patience: 3}}
evaluate: {metric: [accuracy], bootstrap: -1}
"""
    assert refused(text, {"train.seed": "x", "decod": "crf"}) == [
        "recipe.yaml:1:1: a recipe needs the key 'decode'.",
        "recipe.yaml:2:7: name: input should be 1 to 64 of A-Z a-z 0-9 _ . -, not 'a b'.",
        "recipe.yaml:3:16: data: no source called 'conlu'. Did you mean 'conllu'?",
        "recipe.yaml:4:1: the key 'name' is given twice (first in line 2). Keep one.",
        "recipe.yaml:5:1: a recipe has no key 'tokenize'. Did you mean 'tokenise'?",
        "recipe.yaml:8:32: embed.parts.0.width: input should be greater than 0, not 0.",
        "recipe.yaml:8:42: embed.parts.1: no embedder called 'lokup'. Did you mean 'lookup'?",
        "recipe.yaml:10:5: encode: bilstm has no setting 'hiden'. Known: dropout, width.",
        "recipe.yaml:12:14: encode.dropout: input should be less than 1, not 1.5.",
        "recipe.yaml:13:17: train.epochs: input should be greater than 0, not 0.",
        "recipe.yaml:13:39: train.batch.rows: excludes 'tokens'. Keep one of them.",
        "recipe.yaml:13:55: train.stop: needs the setting 'on'.",
        "recipe.yaml:14:12: evaluate: has no setting 'metric'. Did you mean 'metrics'?",
        "recipe.yaml:14:43: evaluate.bootstrap: input should be greater than or equal to 0, not "
        "-1.",
        "--set decod: a recipe has no key 'decod'. Did you mean 'decode'?",
        "--set train.seed: train.seed: input should be an integer, not 'x'.",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seqkit: 1 ", "", "2:1: a recipe needs 'seqkit: 1', the version of its format."),
        (
            "seqkit: 1 ",
            "seqkit: 2 ",
            "1:9: seqkit: recipe format 2 is not in this version, which reads format 1.",
        ),
        (
            "seqkit: 1 ",
            "seqkit: true ",
            "1:9: seqkit: recipe format True is not in this version, which reads format 1.",
        ),
        ("pos-ewt", "..", "2:7: name: input should be 1 to 64 of A-Z a-z 0-9 _ . -, not '..'."),
        ("pos-ewt", "a/b", "2:7: name: input should be 1 to 64 of A-Z a-z 0-9 _ . -, not 'a/b'."),
        ("name: pos-ewt\n", "", "1:1: a recipe needs the key 'name'."),
        ("decode:  {use: crf}\n", "", "1:1: a recipe needs the key 'decode'."),
        ("decode:  {use: crf}\n", "decode:\n", "1:1: a recipe needs the key 'decode'."),
        (
            "decode:",
            "steps: []\ndecode:",
            "7:1: 'steps' makes a chain, whose only other key is 'name'. Leave it out.",
        ),
        ("decode:", "search: beam\ndecode:", "7:1: 'search' is not in this version. Remove it."),
        ("decode:", "requires: x\ndecode:", "7:1: 'requires' is not in this version. Remove it."),
        ("train: train.gz, ", "", "3:10: data: needs the key 'train', the file to learn from."),
        ("train: train.gz", "train: 3", "3:31: data.train: input should be text, not 3."),
        ("train: train.gz", "train: ''", "3:31: data.train: input should not be empty."),
        ("dev: dev.gz", "dev: ", "3:46: data.dev: input should be text, not null."),
        ("text: form", "text: 3", "3:60: data.text: input should be text, not 3."),
        ("text: form", "text: {}", "3:60: data.text: names no input. Say {text: field}."),
        ("gold: upos", "gold: [a]", "3:72: data.gold: input should be text, not a list."),
        ("gold: upos", "glod: upos", "3:66: data: conllu has no setting 'glod'. Known: columns."),
        (
            "conllu,",
            "conllu, columns: 0,",
            "3:33: data.columns: input should be greater than 0, not 0.",
        ),
        ("{use: words}", "[words]", "4:11: tokenise: input should be a tokeniser, not a list."),
        (
            "{use: words}",
            "{lower: true}",
            "4:11: tokenise: needs 'use', the name of a tokeniser. Known: words.",
        ),
        (
            "{use: words}",
            "{text: words, txt: words}",
            "4:25: tokenise: no input called 'txt'. Did you mean 'text'?",
        ),
        ("512", "511", "6:24: encode: bilstm: 'width' must be even."),
        (
            "{use: bilstm, width: 512, dropout: 0.3}",
            "{text: aligned}",
            "6:17: encode.text: aligned is a joint encoder: it reads all inputs at once and "
            "cannot be here.",
        ),
        (
            "on: accuracy",
            "on: acuracy",
            "9:22: train.stop.on: no metric called 'acuracy' in evaluate. Did you mean 'accuracy'?",
        ),
        (
            "[accuracy,",
            "[acuracy,",
            "10:22: evaluate.metrics.0: no metric called 'acuracy'. Did you mean 'accuracy'?",
        ),
        (
            "[accuracy,",
            "[accuracy, accuracy,",
            "10:32: evaluate.metrics: 'accuracy' is named twice. Keep one of them.",
        ),
        (
            "[accuracy, {use: span_f1, scheme: IOB}]",
            "accuracy",
            "10:21: evaluate.metrics: input should be a list, not 'accuracy'.",
        ),
        (
            "[accuracy, {use: span_f1, scheme: IOB}]",
            "{upos: [accuracy]}",
            "10:21: evaluate.metrics: input should be a list: data.gold is not a mapping.",
        ),
        (
            "scheme: IOB",
            "scheme: BIOS",
            "10:55: evaluate.metrics.1.scheme: input should be 'BIO' or 'IOB', not 'BIOS'.",
        ),
        ("{metrics:", "[metrics]\n#", "10:11: evaluate: input should be a mapping, not a list."),
    ],
)
def test_each_mistake_has_its_message(folder: Path, old: str, new: str, message: str) -> None:
    assert f"recipe.yaml:{message}" in refused(changed(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "question: {use: lookup, width: 3}",
            "",
            "5:8: embed: needs an embedder for the input 'question'.",
        ),
        (
            "question: {use: lookup",
            "questoin: {use: lookup",
            "5:43: embed: no input called 'questoin'. Did you mean 'question'?",
        ),
        (
            "passage: bilstm,",
            "passage: aligned,",
            "7:15: encode.0.passage: aligned is a joint encoder: it reads all inputs at once "
            "and cannot be here.",
        ),
        ("{passage: p,", "{use: p,", "3:26: data.text: 'use' cannot be an input's name."),
        (
            "{passage: p,",
            "{decode: p,",
            "3:26: data.text: 'decode' cannot be an input's name.",
        ),
        (
            "{slots: [",
            "{slotz: [",
            "13:13: evaluate.metrics: no gold called 'slotz'. Did you mean 'slots'?",
        ),
        (
            "{slots: [span_f1, accuracy], intent: [accuracy]}",
            "[accuracy]",
            "13:12: evaluate.metrics: input should be {slots: [...], intent: [...]}, one list "
            "for each gold.",
        ),
        (
            "intent: [accuracy]",
            "intent: accuracy",
            "13:49: evaluate.metrics.intent: input should be a list, not 'accuracy'.",
        ),
        (
            "slots.span_f1",
            "span_f1",
            "11:20: train.stop.on: no metric called 'span_f1' in evaluate. Did you mean "
            "'slots.span_f1'?",
        ),
    ],
)
def test_mistakes_with_several_inputs_have_messages(
    folder: Path, old: str, new: str, message: str
) -> None:
    assert f"recipe.yaml:{message}" in refused(changed(old, new, SEVERAL))


def test_a_format_of_another_version_is_the_only_problem(folder: Path) -> None:
    assert len(refused(changed("seqkit: 1", "seqkit: 7\nother: 1"))) == 1


def test_keys_without_value_count_as_absent(folder: Path) -> None:
    recipe = read("seqkit: 1\nname: x\ndata: made\nembed: lookup\ndecode: crf\ntrain:\nencode:\n")
    assert recipe.encode == ()
    assert recipe.tokenise == {}
    assert recipe.metrics == ()
    assert recipe.train.batch == BatchSettings(tokens=2000)
    assert recipe.data is not None
    assert recipe.data.text == {"text": "text"}
    assert recipe.data.gold is None
    assert read(json.dumps(recipe.plain())) == recipe


def test_stopping_on_the_loss_needs_no_metric(folder: Path) -> None:
    assert read(changed("on: accuracy", "on: loss")).train.stop is not None


def test_overrides_and_python_values_change_settings(folder: Path) -> None:
    recipe = read(
        RECIPE,
        {"encode.width": "256", "embed.parts.0.width": "7", "decode.search.use": "beam"},
        {"train.epochs": 3, "train.batch": {"rows": 8}, "data.train": Path("x/y")},
    )
    assert recipe.plain()["encode"]["width"] == 256
    assert recipe.plain()["embed"]["parts"][0]["width"] == 7
    assert recipe.plain()["decode"]["search"] == {"use": "beam", "size": 5}
    assert recipe.train.epochs == 3
    assert recipe.train.batch == BatchSettings(rows=8)
    assert recipe.data is not None
    assert recipe.data.places["train"] == "x/y"
    assert read(RECIPE, {"encode": "bilstm", "encode.width": "8"}).plain()["encode"]["width"] == 8


def test_wrong_overrides_are_problems_like_others(folder: Path) -> None:
    assert refused(
        RECIPE,
        {"encode.hiden": "12", "embed.parts.9.width": "3", "": "x", "train.batch": "{rows: [}"},
        {"train.epochs": 0, "encode.width": object()},
    ) == [
        "--set embed.parts.9.width: '9' is no place in a list of 2. Count from 0.",
        "--set : a path is names with dots between, such as encode.width.",
        "--set train.batch: not valid YAML: did not find expected node content.",
        "set encode.width: a object cannot stand in a recipe.",
        "--set encode.hiden: encode: bilstm has no setting 'hiden'. Known: dropout, width.",
        "set encode.width: encode.width: input should be an integer, not null.",
        "set train.epochs: train.epochs: input should be greater than 0, not 0.",
    ]


def test_missing_data_files_are_told_with_the_nearest_name(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "train.conllu.gz").touch()
    text = changed("train: train.gz", "train: sub/train.conlu.gz")
    assert refused(text, data=folder) == [
        f"recipe.yaml:3:31: data.train: no file 'sub/train.conlu.gz' in {folder}. Set --data or "
        "SEQKIT_DATA. Did you mean 'sub/train.conllu.gz'?",
        f"recipe.yaml:3:56: data.dev: no file 'dev.gz' in {folder}. Set --data or SEQKIT_DATA.",
    ]
    (folder / "dev.gz").touch()
    (folder / "train.gz").mkdir()
    assert refused(RECIPE, data=folder) == [
        f"recipe.yaml:3:31: data.train: 'train.gz' in {folder} is a folder. Name a file in it."
    ]
    absolute = changed("train: train.gz", f"train: {folder}/sub/train.conllu.gz")
    assert read(absolute, data=folder).name == "pos-ewt"
    assert read(SEVERAL, data=folder / "nowhere").name == "intents"
    long = changed("train: train.gz", "train: " + "x" * 5000)
    assert "no file 'xxx" in refused(long, data=folder)[0]


def test_unreadable_data_files_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train.gz", "dev.gz"):
        (folder / name).touch()
    monkeypatch.setattr(os, "access", lambda path, mode: "train" not in str(path))
    assert refused(RECIPE, data=folder) == [
        f"recipe.yaml:3:31: data.train: 'train.gz' in {folder} cannot be read. Mend its "
        "permissions."
    ]


def test_a_source_of_several_files_says_which_it_wants(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = changed("use: conllu, train: train.gz", "use: halves, ending: .y, train: sub")
    for name in ("sub.x", "sub.y", "dev.x", "dev.y"):
        (folder / name).touch()
    assert refused(text, data=folder) == [
        f"recipe.yaml:3:53: data.dev: {folder}/dev.gz: has an ending."
    ]
    recipe = read(changed("dev: dev.gz", "dev: dev", text), data=folder)
    assert recipe.data is not None
    assert recipe.data.files
    assert recipe.data.paths(folder / "dev") == [folder / "dev.x", folder / "dev.y"]
    monkeypatch.setattr(os, "access", lambda path, mode: "dev.y" not in str(path))
    assert refused(changed("dev: dev.gz", "dev: dev", text), data=folder) == [
        f"recipe.yaml:3:53: data.dev: '{folder}/dev.y' cannot be read. Mend its permissions."
    ]


def test_file_problems_come_with_the_other_problems(folder: Path) -> None:
    messages = refused(changed("width: 512", "width: 0"), data=folder)
    assert len(messages) == 3
    assert messages[2] == "recipe.yaml:6:31: encode.width: input should be greater than 0, not 0."


def test_data_paths_are_relative_to_one_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQKIT_DATA", "/from/environment")
    assert data_folder(Path("a/r.yaml"), "given") == Path("given")
    assert data_folder(Path("a/r.yaml"), None) == Path("/from/environment")
    monkeypatch.setenv("SEQKIT_DATA", "")
    assert data_folder(Path("a/r.yaml"), None) == Path("a")


def test_a_missing_recipe_is_one_line(folder: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(Path("none.yaml"), registry=TOYS)
    assert str(caught.value) == "none.yaml: no such recipe. Check the path."


def test_one_stage_can_be_checked_by_itself() -> None:
    assert check_stage("source", "made", TOYS).plain() == {"use": "made", "size": 10}
    assert check_stage("encoder", {"use": "bilstm", "width": 4}, TOYS).settings["width"] == 4
    with pytest.raises(RecipeError) as caught:
        check_stage("source", "mad", TOYS)
    assert str(caught.value) == "source: no source called 'mad'. Did you mean 'made'?"


HOSTILE = [
    "os.system",
    "posix.system",
    "nt.system",
    "subprocess.Popen",
    "builtins.eval",
    "builtins.exec",
    "builtins.open",
    "builtins.getattr",
    "__builtins__.eval",
    "__import__",
    "importlib.import_module",
    "pickle.loads",
    "_pickle.loads",
    "marshal.loads",
    "shelve.open",
    "torch.load",
    "torch.hub.load",
    "torch.package",
    "functools.partial",
    "operator.attrgetter",
    "pkgutil.resolve_name",
    "runpy.run_path",
    "code.interact",
    "pty.spawn",
    "ctypes.CDLL",
    "webbrowser.open",
    "socket.socket",
    "a:b",
    "seqkit_recurrent:bilstm",
    "seqkit_recurrent.bilstm",
    "..x",
    "../x",
    "/etc/passwd",
    "file:///x",
    "toys/../bilstm",
    "other/bilstm",
    "bilstm ",
    " bilstm",
    "bilstm\\0x",
    "bilstm.width",
    "BILSTM",
    "bilstm2",
    "bilst",
    "{}",
    "${oc.env:HOME}",
    "%s",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_resolve_in_the_registry_alone(folder: Path, name: str) -> None:
    loaded = set(sys.modules)
    text = changed("{use: bilstm,", f"{{use: {json.dumps(name)},")
    (message,) = refused(text)
    assert message.startswith("recipe.yaml:6:16: encode: no encoder called '")
    assert set(sys.modules) == loaded


def edited(content: bytes, chance: random.Random) -> bytes:
    alphabet = b"abz019 -:,.[]{}#&*!|>'\"%@`?\n\t\r\x00\x80\xff<=~/\\"
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[at] = chance.choice(alphabet)
            case 1:
                del changed[at : at + chance.randint(1, 8)]
            case 2:
                changed.insert(at, chance.choice(alphabet))
            case _:
                changed[at:at] = changed[at : at + chance.randint(1, 20)]
    return bytes(changed)


def read_or_problems(content: bytes) -> tuple[Recipe | None, list[str]]:
    try:
        return read(content), []
    except RecipeError as error:
        return None, [str(problem) for problem in error.problems]


def test_random_edits_give_a_recipe_or_one_clear_error(folder: Path) -> None:
    chance = random.Random(7)
    started = time.perf_counter()
    read_at_all = 0
    for number in range(120):
        content = edited((SEVERAL if number % 2 else RECIPE).encode(), chance)
        recipe, problems = read_or_problems(content)
        assert (recipe is None) == bool(problems)
        assert all(problem.startswith("recipe.yaml") for problem in problems)
        assert not any("\n" in problem for problem in problems)
        if recipe is not None:
            read_at_all += 1
            assert read(json.dumps(recipe.plain())) == recipe
    assert 0 < read_at_all < 120
    assert time.perf_counter() - started < 60


def test_the_largest_recipe_ends_soon(folder: Path) -> None:
    many = changed("[{use: lookup, width: 100}, lookup]", "[" + "lookup," * 2_000 + "]")
    started = time.perf_counter()
    assert len(read(many).embed["text"].settings["parts"]) == 2_000
    wrong = changed("[{use: lookup, width: 100}, lookup]", "[" + "lokup," * 2_000 + "]")
    assert refused(wrong)[-1] == "recipe.yaml: more than 100 problems. Mend these first."
    assert time.perf_counter() - started < 60


def test_checking_imports_neither_torch_nor_spacy(folder: Path) -> None:
    Path("recipe.yaml").write_text("seqkit: 1\nname: x\n")
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from seqkit.errors import DataError, RecipeError\nfrom seqkit.recipe import read_recipe\n"
        "try: read_recipe(Path('recipe.yaml'))\n"
        "except RecipeError: pass\n"
        "print([name for name in ('torch', 'spacy', 'datasets') if name in sys.modules])"
    )
    environment = {key: value for key, value in os.environ.items() if key != "SEQKIT_CHECK_SHAPES"}
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert found.stdout.strip() == "[]"


def test_the_path_of_a_recipe_stands_whole_in_a_message(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 20) / "recipe.yaml"
    path.parent.mkdir()
    path.write_text("seqkit: 2\n")
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    assert str(caught.value).startswith(f"{path}:1:9: ")


def test_a_metric_may_be_named_with_several_settings(folder: Path) -> None:
    recipe = read(RECIPE.replace("[accuracy,", "[accuracy, span_f1,"))
    assert recipe.metric_names() == ("accuracy", "span_f1", "span_f1(scheme=IOB)")
    again = recipe_from_plain(recipe.plain(), "saved", registry=TOYS)
    assert again.metric_names() == recipe.metric_names()
