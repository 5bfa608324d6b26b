"""tagger and crf as the engine uses them: losses, answers, padding, constraints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import seqkit_labels
from seqkit.errors import PluginError
from seqkit.stages import Decoder, Example, Front, Pieces, Text, Upstream, Vectors
from seqkit_labels.schemes import illegal
from seqkit_labels.word_crf import CRF
from seqkit_labels.word_tagger import Tagger

WIDTH = 6


def pieces(words: list[str], owners: list[int] | None = None) -> Pieces:
    """Given words; `owners` says which word each piece belongs to, one each if None."""
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])[: len(words)]
    spans = np.array(
        [(at, at + len(word)) for at, word in zip(starts, words, strict=True)], np.int32
    )
    spans = spans.reshape(-1, 2)
    owned = np.array(range(len(words)) if owners is None else owners, np.int32)
    text = Text(" ".join(words), [(int(start), int(end)) for start, end in spans])
    return Pieces(text, [words[word] for word in owned], spans[owned], owned, spans)


def example(text: str, gold: Any = None, owners: list[int] | None = None) -> Example:
    return Example({}, {"text": pieces(text.split(), owners)}, gold)


NAMES = [
    example("John lives in New York", ["B-PER", "O", "O", "B-LOC", "I-LOC"]),
    example("", []),
    example("Mary", ["B-PER"]),
    example("She likes New York", ["O", "O", "B-LOC", "I-LOC"]),
]


def built(name: str, examples: list[Example] = NAMES, **settings: Any) -> Any:
    torch.manual_seed(3)
    decoder = getattr(seqkit_labels, name)(Upstream(WIDTH), **settings)
    decoder.ready(decoder.fit(iter(examples)))
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter)
    return decoder


def collated(decoder: Any, examples: list[Example]) -> dict[str, Tensor]:
    arrays = [decoder.prepare(one) for one in examples]
    batch = {}
    for name in arrays[0]:
        rows = [torch.from_numpy(np.asarray(array[name])) for array in arrays]
        batch[name] = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        batch[f"{name}.lengths"] = torch.tensor([len(row) for row in rows])
    return batch


def vectors(examples: list[Example], spread: float = 1.0) -> dict[str, Vectors]:
    """The same vectors for the same pieces, wherever they stand."""
    lengths = [len(one.inputs["text"]) for one in examples]
    values = torch.zeros(len(examples), max(lengths), WIDTH)
    for row, one in enumerate(examples):
        for at, string in enumerate(one.inputs["text"].strings):  # type: ignore[union-attr]
            seed = torch.Generator().manual_seed(97 * at + sum(map(ord, string)))
            values[row, at] = spread * torch.randn(WIDTH, generator=seed)
    return {"text": Vectors(values, torch.tensor(lengths))}


@pytest.mark.parametrize("name", ["tagger", "crf"])
def test_they_are_decoders(name: str) -> None:
    assert isinstance(built(name), Decoder)


def test_the_loss_of_a_tagger_is_cross_entropy_summed_over_words() -> None:
    decoder = built("tagger", smoothing=0.1)
    batch, inputs = collated(decoder, NAMES), vectors(NAMES)
    loss = decoder.loss(inputs, batch)
    scores = decoder.scores(inputs["text"], batch)
    wanted = sum(
        F.cross_entropy(
            scores[row, :n], batch["labels"][row, :n].long(), reduction="sum", label_smoothing=0.1
        )
        for row, n in enumerate([5, 0, 1, 4])
        if n
    )
    torch.testing.assert_close(loss.total, wanted)
    assert loss.count == 10


def test_the_loss_of_a_crf_counts_words() -> None:
    decoder = built("crf")
    loss = decoder.loss(vectors(NAMES), collated(decoder, NAMES))
    assert loss.count == 10
    assert loss.total > 0
    loss.total.backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("name", ["tagger", "crf"])
def test_the_loss_of_a_batch_is_the_sum_over_its_texts(name: str) -> None:
    decoder = built(name)
    total = decoder.loss(vectors(NAMES), collated(decoder, NAMES)).total
    alone = [decoder.loss(vectors([one]), collated(decoder, [one])) for one in NAMES]
    torch.testing.assert_close(total, torch.stack([loss.total for loss in alone]).sum())
    assert [int(loss.count) for loss in alone] == [5, 0, 1, 4]
    assert alone[1].total == 0


@pytest.mark.parametrize(("name", "count"), [("tagger", 1), ("crf", 0)])
def test_a_label_that_training_has_not_seen_adds_nothing_to_the_loss(name: str, count: int) -> None:
    decoder = built(name)
    strange = [example("in Rome", ["O", "B-CITY"])]
    loss = decoder.loss(vectors(strange), collated(decoder, strange))
    assert loss.count == count
    assert (loss.total > 0) == bool(count)


@pytest.mark.parametrize("name", ["tagger", "crf"])
@pytest.mark.parametrize("word", ["first", "last", "mean"])
def test_a_text_alone_or_in_any_batch_has_the_same_answer(name: str, word: str) -> None:
    decoder = built(name, word=word)
    mixed = [
        *NAMES,
        example("many pieces - here", owners=[0, 0, 0, 1, 1, 3]),
        example("nothing", owners=[]),
        example("one two three"),
    ]
    texts = [Example(one.fields, one.inputs) for one in mixed]
    together = decoder.predict(vectors(texts), collated(decoder, texts), texts)
    assert [len(answer["value"]) for answer in together] == [5, 0, 1, 4, 4, 1, 3]
    for text, answer in zip(texts, together, strict=True):
        [alone] = decoder.predict(vectors([text]), collated(decoder, [text]), [text])
        assert alone["value"] == answer["value"]
        assert alone["spans"] == answer["spans"]
        np.testing.assert_allclose(alone["confidence"], answer["confidence"], atol=2e-4)


def test_answers_of_a_tagger_are_the_likeliest_labels() -> None:
    decoder = built("tagger")
    batch, inputs = collated(decoder, NAMES), vectors(NAMES)
    scores = decoder.scores(inputs["text"], batch).softmax(-1)
    answers = decoder.predict(inputs, batch, NAMES)
    for row, answer in enumerate(answers):
        wanted = [decoder.words.labels[i] for i in scores[row].argmax(-1)[: len(answer["value"])]]
        assert answer["value"] == wanted
        np.testing.assert_allclose(
            answer["confidence"], scores[row].amax(-1)[: len(wanted)].detach(), atol=1e-4
        )


@pytest.mark.parametrize("scheme", ["keep", "IOB1", "BIOES", "BILOU"])
def test_a_constrained_crf_gives_legal_tags_alone(scheme: str) -> None:
    decoder = built("crf", scheme=scheme)
    texts = [example(" ".join("abcdefghij"[: n % 11])) for n in range(60)]
    answers = decoder.predict(vectors(texts, 20.0), collated(decoder, texts), texts)
    assert not sum(len(illegal(answer["value"], "BIO")) for answer in answers)
    assert sum(len(answer["spans"]) for answer in answers) > 20
    free = built("crf", scheme=scheme, constrain=False)
    assert not free.forbid_pair.any()
    assert decoder.forbid_pair.any() == (scheme != "IOB1")  # which here has no label with B


def test_an_unconstrained_crf_may_break_the_scheme() -> None:
    decoder = built("crf", constrain=False)
    texts = [example(" ".join("abcdefghij"[: n % 11])) for n in range(60)]
    answers = decoder.predict(vectors(texts, 20.0), collated(decoder, texts), texts)
    assert sum(len(illegal(answer["value"], "BIO")) for answer in answers)


def test_plain_labels_forbid_nothing() -> None:
    decoder = built("crf", [example("a b", ["DET", "NOUN"])])
    assert not any(decoder.get_buffer(f"forbid_{name}").any() for name in decoder.chain()._fields)
    [answer] = decoder.predict(
        vectors([example("a b")]), collated(decoder, [example("a b")]), [example("a b")]
    )
    assert set(answer) == {"value", "confidence"}


@pytest.mark.parametrize("name", ["tagger", "crf"])
def test_confidence_can_be_left_out(name: str) -> None:
    decoder = built(name, confidence=False)
    answers = decoder.predict(vectors(NAMES), collated(decoder, NAMES), NAMES)
    sure = built(name).predict(vectors(NAMES), collated(decoder, NAMES), NAMES)
    for answer, other in zip(answers, sure, strict=True):
        assert answer == {key: other[key] for key in ("value", "spans", "scheme")}


def test_the_weights_that_are_forbidden_are_not_saved() -> None:
    decoder = built("crf")
    assert set(decoder.state_dict()) == {
        *("first", "pair", "last", "scores.linear.weight", "scores.linear.bias", "temperature")
    }
    again = CRF(Upstream(WIDTH))
    again.ready(decoder.fit(NAMES))
    again.load_state_dict(decoder.state_dict())
    batch = collated(decoder, NAMES)
    assert again.predict(vectors(NAMES), batch, NAMES) == decoder.predict(
        vectors(NAMES), batch, NAMES
    )


def test_a_crf_learns_what_a_tagger_cannot() -> None:
    # All words look alike: only the order tells the labels apart.
    torch.manual_seed(0)
    examples = [example("x x x x", ["A", "B", "A", "B"]), example("x x", ["A", "B"])]
    decoder = CRF(Upstream(WIDTH))
    decoder.ready(decoder.fit(examples))
    inputs = {"text": Vectors(torch.zeros(2, 4, WIDTH), torch.tensor([4, 2]))}
    batch = collated(decoder, examples)
    optimiser = torch.optim.Adam(decoder.parameters(), lr=0.3)
    for _ in range(60):
        optimiser.zero_grad()
        loss = decoder.loss(inputs, batch)
        torch.autograd.backward(loss.total / loss.count)
        optimiser.step()
    answers = decoder.predict(inputs, batch, examples)
    assert [answer["value"] for answer in answers] == [["A", "B", "A", "B"], ["A", "B"]]
    assert min(answers[0]["confidence"]) > 0.9


def test_a_crf_stays_in_single_precision_under_autocast() -> None:
    decoder = built("crf")
    batch, inputs = collated(decoder, NAMES), vectors(NAMES)
    with torch.autocast("cpu", torch.bfloat16):
        loss = decoder.loss(inputs, batch)
    assert loss.total.dtype == torch.float32
    torch.testing.assert_close(loss.total, decoder.loss(inputs, batch).total, rtol=0.05, atol=0.0)


@pytest.mark.parametrize("factory", [Tagger, CRF])
def test_the_input_is_chosen_when_it_is_built(factory: Any) -> None:
    embedder: Any = None
    fronts = {"passage": Front(embedder, width=8), "question": Front(embedder, width=WIDTH)}
    name = factory.__name__.lower()
    with pytest.raises(PluginError) as caught:
        factory(Upstream(8, inputs=fronts))
    assert str(caught.value) == (
        f"{name} reads one input, but there are passage, question. Set 'over' to one."
    )
    decoder = factory(Upstream(8, inputs=fronts), over="question")
    both = [
        Example({}, {"passage": pieces(["p"]), "question": one.inputs["text"]}, one.gold)
        for one in NAMES
    ]
    decoder.ready(decoder.fit(both))
    inputs = {
        "question": vectors(NAMES)["text"],
        "passage": Vectors(torch.zeros(4, 1, 8), torch.ones(4).long()),
    }
    answers = decoder.predict(inputs, collated(decoder, both), both)
    assert [len(answer["value"]) for answer in answers] == [5, 0, 1, 4]
    with pytest.raises(PluginError, match="the encoder gives one step for 2 pieces"):
        factory(Upstream(8, stride=2))


def test_windows_of_aligned_arrays_cost_what_the_whole_does() -> None:
    decoder = built("tagger", NAMES[:1])
    assert decoder.along_time == {"labels", "shift"}
    whole, inputs = collated(decoder, NAMES[:1]), vectors(NAMES[:1])
    total = torch.zeros(())
    for start, end in ((0, 2), (2, 5)):
        part = {name: whole[name][:, start:end] for name in decoder.along_time}
        part |= {f"{name}.lengths": torch.tensor([end - start]) for name in decoder.along_time}
        values = inputs["text"].values[:, start:end]
        total += decoder.loss({"text": Vectors(values, torch.tensor([end - start]))}, part).total
    torch.testing.assert_close(total, decoder.loss(inputs, whole).total)
