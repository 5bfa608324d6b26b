"""Contextual vectors: against the transformer itself, run on the whole text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

import seqkit
from seqkit.errors import DataError, SeqkitError
from seqkit.plugins import registry
from seqkit.recipe import check_stage as check_settings
from seqkit.stages import Example, Frames, Text, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import check_stage
from seqkit_text.contextual import Contextual, window_starts
from seqkit_text.pretrained import contextual_embedder, contextual_rules
from seqkit_text.tokenising import characters_tokeniser, words_tokeniser

WORDS = ["he", "##llo", "wor", "##ld", ",", "a", "##b", "##a", "the", "cat", "##s", "!"]
LAST = 3
ROOM = 12
SETTINGS = {"mix": False, "layers": None, "dropout": 0.0, "locked": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT that reads 14 tokens at once, with its tokeniser."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    place = tmp_path_factory.mktemp("bert")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    numbers = {name: number for number, name in enumerate(names)}
    tokeniser = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokeniser.normalizer = normalizers.BertNormalizer()
    tokeniser.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokeniser.add_special_tokens(names[:4])
    tokeniser.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokeniser.save(str(place / "tokenizer.json"))
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(names),
        hidden_size=8,
        num_hidden_layers=LAST,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=ROOM + 4,
        initializer_range=0.6,
    )
    BertModel(config).save_pretrained(place)
    return place


@pytest.fixture
def contextual(folder: Path) -> Callable[..., Contextual]:
    def built(**settings: Any) -> Contextual:
        said = {"model": str(folder), **settings}
        stage = cast("Contextual", contextual_embedder(Upstream(width=0), **said))
        stage.ready(stage.fit(iter([])))
        return stage.eval()

    return built


Built = Callable[..., Contextual]


def example(text: str, words: list[tuple[int, int]] | None = None) -> Example:
    given = Text(text, words)
    return Example({}, {"text": words_tokeniser(Upstream(width=0)).prepare(given)})


def embed(stage: Contextual, examples: Sequence[Example]) -> Vectors:
    found: Vectors = stage(collate([stage.prepare(one, "text") for one in examples]))
    return found


def layers_of(folder: Path, text: str) -> tuple[Tensor, list[tuple[int, int]]]:
    """Every layer's vectors of a short text, as transformers gives them, and the tokens' spans."""
    from tokenizers import Tokenizer
    from transformers import AutoModel

    found = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text)
    with torch.no_grad():
        model = AutoModel.from_pretrained(folder).eval()
        hidden = model(torch.tensor([found.ids]), output_hidden_states=True).hidden_states
    return torch.cat(hidden)[:, 1:-1], found.offsets[1:-1]


def owned(spans: Sequence[tuple[int, int]], start: int, end: int) -> list[int]:
    """The tokens that overlap a piece."""
    return [place for place, (first, last) in enumerate(spans) if first < end and last > start]


TEXT = "Hello,  wörlds aba [SEP] the\0 cats!"


@pytest.mark.parametrize("piece", ["first", "mean"])
def test_a_piece_has_the_vectors_of_the_tokens_that_overlap_it(
    contextual: Built, folder: Path, piece: str
) -> None:
    text = "Hello,  world aba the\0 cats!"
    layers, spans = layers_of(folder, text)
    one = example(text)
    found = embed(contextual(piece=piece), [one]).values[0]
    for place, (start, end) in enumerate(one.inputs["text"].spans):  # type: ignore[union-attr]
        tokens = owned(spans, start, end)
        tokens = tokens[:1] if piece == "first" else tokens
        wanted = layers[LAST, tokens].mean(0) if tokens else torch.zeros(8)
        torch.testing.assert_close(found[place], wanted)
    assert [place for place in range(len(found)) if not found[place].any()] == [5]  # the NUL


def test_pieces_may_be_smaller_than_tokens(contextual: Built, folder: Path) -> None:
    text = "hello cats"
    layers, spans = layers_of(folder, text)
    pieces = characters_tokeniser(Upstream(width=0)).prepare(Text(text))
    found = embed(contextual(), [Example({}, {"text": pieces})]).values[0]
    for place in range(len(text)):
        tokens = owned(spans, place, place + 1)
        torch.testing.assert_close(
            found[place], layers[LAST, tokens[0]] if tokens else torch.zeros(8)
        )


@pytest.mark.parametrize(
    ("settings", "chosen"),
    [({}, [3]), ({"layers": [-1]}, [3]), ({"layers": [0]}, [0]), ({"layers": [1, -2]}, [1, 2])],
)
def test_the_chosen_layers_are_averaged(
    contextual: Built, folder: Path, settings: dict[str, Any], chosen: list[int]
) -> None:
    layers, _ = layers_of(folder, "the cats")
    found = embed(contextual(**settings), [example("the cats")]).values[0]
    torch.testing.assert_close(found, layers[chosen].mean(0)[:2])


def test_a_mix_is_learnt_and_nothing_else(contextual: Built, folder: Path) -> None:
    stage = contextual(mix=True)
    trained = {name for name, weight in stage.named_parameters() if weight.requires_grad}
    assert trained == {"weights", "scale"}
    assert set(stage.state_dict()) == trained
    layers, _ = layers_of(folder, "the cats")
    with torch.no_grad():
        stage.weights.copy_(torch.tensor([1.0, 0.0, -1.0, 2.0]))
        stage.scale.fill_(0.5)
    found = embed(stage, [example("the cats")]).values[0]
    shares = torch.tensor([1.0, 0.0, -1.0, 2.0]).double().softmax(0).float()
    wanted = 0.5 * torch.einsum("l,ltw->tw", shares, layers[:, :2])
    torch.testing.assert_close(found, wanted)
    found.pow(2).sum().backward()  # type: ignore[no-untyped-call]
    assert stage.weights.grad is not None
    assert stage.weights.grad.abs().sum() > 0


def test_a_text_alone_and_in_a_batch_is_the_same(contextual: Built) -> None:
    stage = contextual(piece="mean")
    texts = [example(text) for text in (TEXT, "", "a", "the cats " * 30, "\0", "hello world")]
    together = embed(stage, texts)
    for row, one in enumerate(texts):
        alone = embed(stage, [one])
        length = int(alone.lengths[0])
        assert together.lengths[row] == length
        torch.testing.assert_close(together.values[row, :length], alone.values[0, :length])
        assert not together.values[row, length:].any()


def test_a_long_text_is_read_in_windows_that_overlap(contextual: Built, folder: Path) -> None:
    words = (["the", "cat", "a", "he", "!", ","] * 5)[:26]
    stage = contextual()
    found = embed(stage, [example(" ".join(words))]).values[0]
    assert window_starts(len(words), ROOM).tolist() == [0, 6, 12, 14]
    for place in range(len(words)):
        start = 0 if place < 9 else 6 if place < 15 else 12 if place < 19 else 14
        part = " ".join(words[start : start + ROOM])
        layers, _ = layers_of(folder, part)
        torch.testing.assert_close(found[place], layers[LAST, place - start])


@pytest.mark.parametrize(
    ("tokens", "room", "starts"),
    [(0, 4, []), (1, 4, [0]), (4, 4, [0]), (5, 4, [0, 1]), (9, 4, [0, 2, 4, 5]), (3, 1, [0, 1, 2])],
)
def test_windows_cover_every_token(tokens: int, room: int, starts: list[int]) -> None:
    assert window_starts(tokens, room).tolist() == starts
    covered = {place for start in starts for place in range(start, min(start + room, tokens))}
    assert covered == set(range(tokens))


@pytest.mark.parametrize(("piece", "window", "count"), [("first", 0, 1), ("mean", 3, ROOM)])
def test_a_piece_longer_than_a_window_has_its_first_token_or_its_middle(
    contextual: Built, piece: str, window: int, count: int
) -> None:
    arrays = contextual(piece=piece).prepare(example("a" + "b" * 50), "text")
    assert arrays["places"].tolist() == [[window * (ROOM + 2) + 1, count]]


def test_special_tokens_in_a_text_are_text(contextual: Built) -> None:
    tokens = contextual().prepare(example("[SEP]"), "text")["tokens"]
    assert tokens.tolist() == [2, 1, 1, 1, 3]


def test_the_model_drops_nothing_while_the_rest_trains(contextual: Built) -> None:
    stage = contextual()
    before = embed(stage, [example(TEXT)]).values
    stage.train()
    assert stage.training
    assert not stage.model.training
    assert torch.equal(embed(stage, [example(TEXT)]).values, before)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        pytest.param({"mix": True, "piece": "mean", "dropout": 0.3}, marks=pytest.mark.slow),
        pytest.param({"layers": [0, 1], "window": 6}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_the_contract_is_kept(folder: Path, settings: dict[str, Any]) -> None:
    check_stage(contextual_embedder, settings={"model": str(folder), **settings})


def test_frames_are_refused(contextual: Built) -> None:
    frames = Example({}, {"text": Frames(np.zeros((2, 1), np.float32))})
    with pytest.raises(DataError, match="contextual: embeds pieces, but input 'text' is frames"):
        contextual().prepare(frames, "text")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"layers": [4]},
            "contextual: 'layers' has 4, but the model's are 0, its embeddings, to 3. Name some of "
            "these, or -1 for the last.",
        ),
        (
            {"layers": [-5]},
            "contextual: 'layers' has -5, but the model's are 0, its embeddings, to 3. Name some "
            "of these, or -1 for the last.",
        ),
        (
            {"window": 15},
            "contextual: 'window' is 15, but the model reads 4 to 14 tokens at once. Choose a "
            "window between them, or leave it out.",
        ),
        (
            {"window": 3},
            "contextual: 'window' is 3, but the model reads 4 to 14 tokens at once. Choose a "
            "window between them, or leave it out.",
        ),
    ],
)
def test_layers_and_windows_that_the_model_does_not_have_are_refused(
    contextual: Built, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        contextual(**settings)
    assert str(caught.value) == message


def test_a_split_is_described_by_what_the_tokeniser_makes_of_it(contextual: Built) -> None:
    stage = contextual()
    (train,) = stage.describe([example("hello cats")], "train")
    assert train.level == "note"
    size = sum(weight.numel() for weight in stage.model.parameters()) / 1e6
    assert train.text == (
        f"{size:.1f} million frozen weights; 2.00 tokens a piece, 0.00% of them unknown"
    )
    (dev,) = stage.describe([example("the dog \0"), example("a " * 13)], "dev")
    assert dev.text == (
        "0.94 tokens a piece, 6.67% of them unknown; 1 of 16 pieces have no token and get zeros; "
        "1 texts are longer than the window of 14 tokens"
    )
    (test,) = stage.describe([example("the dog")], "test")
    assert test.level == "warning"
    assert stage.describe([example("")], "test") == []


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "model"))


def refused(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        contextual_embedder(Upstream(width=0), model=str(folder)).fit([])
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "saver"), [("config.json", "AutoModel"), ("tokenizer.json", "AutoTokenizer")]
)
def test_a_folder_that_lacks_a_file_is_told(copied: Path, name: str, saver: str) -> None:
    (copied / name).unlink()
    assert refused(copied) == (
        f"contextual: {copied} has no {name}. "
        f"In Python: {saver}.from_pretrained(...).save_pretrained(folder)."
    )
    (copied / name).write_text("{")
    assert refused(copied).startswith(f"contextual: {copied}/{name}: cannot be read: Expecting")
    (copied / name).write_text("[]")
    assert refused(copied).startswith(f"contextual: {copied}/{name}: is no JSON object. In Python")


def test_pickled_weights_are_refused(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    save = "In Python: AutoModel.from_pretrained(...).save_pretrained(folder)."
    assert refused(copied) == f"contextual: {copied} has no weights as safetensors. {save}"
    (copied / "pytorch_model.bin").touch()
    assert refused(copied) == (
        f"contextual: {copied} has no weights as safetensors: pytorch_model.bin is a pickle, "
        f"which may run code. {save}"
    )


def change(folder: Path, **settings: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def test_models_that_are_no_encoders_or_unknown_are_refused(copied: Path) -> None:
    change(copied, is_encoder_decoder=True)
    assert refused(copied) == (
        f"contextual: {copied} is a bert, which translates texts. Name an encoder, such as BERT."
    )
    change(copied, is_encoder_decoder=False, model_type="nobody")
    assert "cannot be read by transformers (" in refused(copied)


def test_code_in_a_folder_is_not_run(copied: Path) -> None:
    (copied / "own.py").write_text("raise SystemExit")
    own = {"AutoConfig": "own.Config", "AutoModel": "own.Model"}
    change(copied, auto_map=own)
    stage = contextual_embedder(Upstream(width=0), model=str(copied))
    assert "auto_map" not in stage.fit([])["config"]
    change(copied, model_type="nobody")
    assert "cannot be read by transformers (" in refused(copied)


def test_damaged_and_missing_weights_are_refused(
    copied: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file, save_file

    path = copied / "model.safetensors"
    weights = load_file(path)
    some = {name: value for name, value in weights.items() if "layer.2" not in name}
    save_file(some, path, metadata={"format": "pt"})
    assert refused(copied).startswith(
        f"contextual: {copied} has no weights for encoder.layer.2.attention."
    )
    path.write_bytes(b"not at all")
    assert "cannot be read by transformers (" in refused(copied)
    assert capfd.readouterr() == ("", "")


def test_a_model_of_masked_words_gives_the_same_vectors_quietly(
    copied: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file, save_file

    path = copied / "model.safetensors"
    weights = {f"bert.{n}": v for n, v in load_file(path).items() if "pooler" not in n}
    save_file(weights | {"cls.predictions.bias": torch.zeros(16)}, path, {"format": "pt"})
    stages = []
    for place in (folder, copied):
        stage = cast("Contextual", contextual_embedder(Upstream(width=0), model=str(place)))
        stage.ready(stage.fit([]))
        stages.append(stage.eval())
    left, right = (embed(stage, [example(TEXT)]).values for stage in stages)
    assert torch.equal(left, right)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("said", "window"), [(8, 8), (10**30, 14), (None, 14)])
def test_the_tokeniser_may_say_how_much_the_model_reads(
    copied: Path, said: int | None, window: int
) -> None:
    (copied / "tokenizer_config.json").write_text(json.dumps({"model_max_length": said}))
    stage = cast("Contextual", contextual_embedder(Upstream(width=0), model=str(copied)))
    assert stage.fit([])["window"] == window


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, []),
        ({"mix": True}, []),
        ({"mix": True, "layers": [0, 1]}, []),
        (
            {"mix": True, "layers": [1]},
            [("mix", "has no effect on a single layer. Give 'layers' more of them")],
        ),
        ({"layers": [1, 1]}, [("layers", "has 1 more than once. Keep one of them")]),
        (
            {"locked": True},
            [("locked", "has no effect without 'dropout'. Set 'dropout' above 0")],
        ),
    ],
)
def test_settings_without_effect_are_told(
    settings: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert list(contextual_rules({**SETTINGS, **settings})) == found


def test_without_the_package_the_check_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seqkit_text.pretrained.find_spec", lambda name: None)
    with pytest.raises(SeqkitError) as caught:
        check_settings("embedder", {"use": "contextual", "model": "bert"}, registry())
    assert str(caught.value).endswith(
        "contextual: 'model' needs the package transformers, which is not installed. "
        "Run: pip install 'seqkit[transformers]'."
    )


def test_a_saved_model_needs_no_folder_and_its_checkpoints_are_small(
    toy: Path, copied: Path
) -> None:
    text = toy.read_text().replace("epochs: 2", "epochs: 1").replace("bilstm, w", "lstm, w")
    parts = "parts: [{use: contextual, model: model, mix: true}, "
    toy.write_text(text.replace("parts: [", parts))
    run = seqkit.run(toy, out=toy.parent / "run", data=copied.parent)
    sentence = "the big cat sees a dog"
    answer = run.load()([sentence])
    shutil.rmtree(copied)
    assert run.load()([sentence]) == answer
    for path in (toy.parent / "run").glob("checkpoints/*/weights.safetensors"):
        assert b"model.encoder" not in path.read_bytes()
    with pytest.raises(SeqkitError) as caught:
        run.load().live()
    assert str(caught.value) == (
        "embed: concat reads each text as a whole. Use embedders of single pieces, such as lookup."
    )
