"""The decoder with attention: its loss step by step, copying, tying, and its messages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from seqkit import unrolling
from seqkit.errors import DataError, PluginError
from seqkit.plugins import Use
from seqkit.stages import Example, Front, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit.testing.specimens import before, embedded
from seqkit_seq2seq.attention_decoder import AttentionDecoder
from seqkit_seq2seq.writing import attention, attention_rules

WIDTH = 12
PAIRS = [("a b c", "x y z"), ("b", "y"), ("c d e", "z x x y"), ("d d", ""), ("e a", "Bob x")]
EXAMPLES = [example(source, target) for source, target in PAIRS]
UPSTREAM = before(["text"], Upstream(WIDTH))
SMALL: dict[str, Any] = {
    "embed": Use("embedder", "lookup", {"width": 6}),
    "encode": Use("encoder", "lstm", {"width": 8}),
    "width": 10,
}
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "fed": {"feed": True},
    "additive, covered": {"attend": "additive", "coverage": 0.7},
    "heads, deep, two layers": {
        "attend": "heads",
        "deep": True,
        "encode": Use("encoder", "lstm", {"width": 8, "layers": 2, "residual": True}),
    },
    "gru, dot": {"attend": "dot", "encode": Use("encoder", "gru", {"width": WIDTH})},
    "rnn, zero bridge": {"bridge": "zero", "encode": Use("encoder", "rnn", {"width": 8})},
    "layer norm": {"encode": Use("encoder", "lstm", {"width": 8, "layer_norm": True})},
    "slstm": {"encode": Use("encoder", "slstm", {"width": 8})},
    "tied": {"tie": True},
    "copying": {"copy": True},
    "copying, fed": {"copy": True, "feed": True, "tie": True},
    "characters": {"embed": Use("embedder", "characters", {"width": 6})},
}


def made(**settings: Any) -> AttentionDecoder:
    torch.manual_seed(1)
    decoder = attention(UPSTREAM, **{**SMALL, **settings})
    assert isinstance(decoder, AttentionDecoder)
    decoder.ready(decoder.fit(EXAMPLES))
    return decoder.eval()


def batch_of(decoder: AttentionDecoder, examples: Sequence[Example]) -> tuple[Any, Any]:
    arrays = [decoder.prepare(one) for one in examples]
    return embedded(UPSTREAM, examples), collate(arrays)


def stepwise_loss(decoder: AttentionDecoder, one: Example) -> float:
    """Minus the log-probability of a target, piece by piece, as searches see it."""
    inputs, batch = batch_of(decoder, [one])
    memory, state = decoder.start(inputs, batch)
    last, total, covered, again = torch.tensor([decoder.end]), 0.0, None, 0.0
    for wanted in batch["target"][0].tolist():
        scores, state = decoder.step(memory, state, last)
        total -= float(scores[0, wanted])
        looked = decoder.alignment(state)
        covered = torch.zeros_like(looked) if covered is None else covered
        again += float(torch.minimum(looked, covered).sum())
        covered = covered + looked
        last = torch.tensor([wanted])
    return total + decoder.switches.coverage * again


@pytest.mark.parametrize("name", VARIANTS)
def test_the_loss_over_whole_texts_is_that_of_single_steps(name: str) -> None:
    decoder = made(**VARIANTS[name])
    with torch.no_grad():
        loss = decoder.loss(*batch_of(decoder, EXAMPLES))
        wanted = sum(stepwise_loss(decoder, one) for one in EXAMPLES)
    assert float(loss.total) == pytest.approx(wanted, abs=2e-4)
    assert int(loss.count) == sum(len(target.split()) + 1 for _, target in PAIRS)


@pytest.mark.parametrize("name", VARIANTS)
def test_gradients_made_once_for_all_steps_are_those_of_each(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    decoder = made(**VARIANTS[name])
    given, weights = batch_of(decoder, EXAMPLES), list(decoder.parameters())
    found = []
    for small in (0, 10**9):
        monkeypatch.setattr(unrolling, "SMALL", small)
        found.append(torch.autograd.grad(decoder.loss(*given).total, weights))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_all_weights_learn(name: str) -> None:
    decoder = made(**VARIANTS[name]).train()
    loss = decoder.loss(*batch_of(decoder, EXAMPLES))
    loss.total.backward()  # type: ignore[no-untyped-call]  # torch has no types here
    idle = [n for n, weight in decoder.named_parameters() if weight.grad is None]
    assert idle == []
    assert all(
        weight.grad.isfinite().all() for weight in decoder.parameters() if weight.grad is not None
    )


@pytest.mark.parametrize("name", ["plain", "fed", "copying", "tied"])
def test_it_learns_to_write_the_training_texts(name: str) -> None:
    decoder = made(**VARIANTS[name]).train()
    optimiser = torch.optim.Adam(decoder.parameters(), 0.02)
    inputs, batch = batch_of(decoder, EXAMPLES)
    for _ in range(120):
        optimiser.zero_grad()
        decoder.loss(inputs, batch).total.backward()  # type: ignore[no-untyped-call]  # nor here
        optimiser.step()
    answers = decoder.eval().predict(inputs, batch, EXAMPLES)
    assert [answer["value"] for answer in answers] == [target for _, target in PAIRS]
    for answer, (source, target) in zip(answers, PAIRS, strict=True):
        assert answer["pieces"] == target.split()
        assert len(answer["probabilities"]) == len(target.split()) + 1
        assert all(0 <= place < len(source.split()) for place in answer["alignment"])
        assert math.exp(answer["score"]) > 0.5


def test_what_only_the_input_has_can_be_copied() -> None:
    examples = [example(f"say {word}", word) for word in ("ant", "bee", "cat", "dog", "elk", "fox")]
    decoder = attention(UPSTREAM, **SMALL, copy=True, minimum=99)
    assert isinstance(decoder, AttentionDecoder)
    with pytest.raises(DataError, match="no piece of the targets occurs 99 times"):
        decoder.fit(examples)
    torch.manual_seed(1)
    decoder = attention(UPSTREAM, **SMALL, copy=True, minimum=2)
    assert isinstance(decoder, AttentionDecoder)
    decoder.ready(decoder.fit([*examples, example("x", "well"), example("y", "well")]))
    optimiser = torch.optim.Adam(decoder.parameters(), 0.02)
    inputs, batch = batch_of(decoder, examples)
    for _ in range(150):
        optimiser.zero_grad()
        decoder.loss(inputs, batch).total.backward()  # type: ignore[no-untyped-call]  # nor here
        optimiser.step()
    unseen = [example("say gnu"), example("say hen")]
    answers = decoder.eval().predict(*batch_of(decoder, unseen), unseen)
    assert [answer["value"] for answer in answers] == ["gnu", "hen"]
    assert [answer["alignment"] for answer in answers] == [[1], [1]]


def test_copies_are_numbered_by_text() -> None:
    decoder = made(copy=True)
    size = decoder.target.size
    arrays = decoder.prepare(example("p x q p", "q x p r"))
    x, unknown = decoder.target.number("x"), 1
    assert arrays["copies"].tolist() == [size, x, size + 1, size]
    assert arrays["target"].tolist() == [size + 1, x, size, unknown, 0]


def test_an_unknown_piece_is_never_written() -> None:
    decoder = made(minimum=3)
    assert decoder.target.strings == ["x", "y"]
    with torch.no_grad():
        assert decoder.readout.output is not None
        decoder.readout.output.bias[1] += 100.0
    answers = decoder.predict(*batch_of(decoder, EXAMPLES), EXAMPLES)
    assert all(set(answer["pieces"]) <= {"x", "y"} for answer in answers)


def test_tied_weights_are_the_vectors_of_pieces() -> None:
    decoder = made(tie=True)
    weights, table = decoder.target.weights(), decoder.target.table()
    assert torch.equal(weights, table)
    names = [name for name, _ in decoder.named_parameters()]
    assert not any("output" in name for name in names)


def test_shared_pieces_have_the_vectors_of_the_input() -> None:
    from seqkit.plugins import registry

    embedder = registry().find("embedder", "lookup").factory(Upstream(0), width=WIDTH)
    tokeniser = registry().find("tokeniser", "words").factory(Upstream(0))
    both = [*EXAMPLES, *(example(target) for _, target in PAIRS)]
    embedder.ready(embedder.fit(iter(both)))
    tokeniser.ready({})
    upstream = Upstream(WIDTH, inputs={"text": Front(embedder, tokeniser, WIDTH)})
    decoder = attention(upstream, **{**SMALL, "tokenise": "shared", "embed": "shared", "tie": True})
    decoder.ready(decoder.fit(EXAMPLES))
    number = decoder.target.number("x")  # type: ignore[attr-defined]
    row = embedder.table.weight[embedder.number("x")]
    assert torch.equal(decoder.target.table()[number], row)  # type: ignore[attr-defined]
    assert any(weight is embedder.table.weight for weight in decoder.parameters())  # type: ignore[attr-defined]


def total(decoder: AttentionDecoder, inputs: Any, batch: Any) -> float:
    with torch.no_grad():
        return float(decoder.loss(inputs, batch).total)


def test_labels_are_smoothed_in_training_alone() -> None:
    decoder, plain = made(smoothing=0.2), made()
    given = batch_of(decoder, EXAMPLES)
    assert total(decoder, *given) == pytest.approx(total(plain, *given), abs=1e-4)
    assert total(decoder.train(), *given) != pytest.approx(total(plain, *given), abs=1e-3)


def test_scheduled_sampling_reads_what_the_model_wrote() -> None:
    decoder = made(sampling=1.0)
    inputs, batch = batch_of(decoder, EXAMPLES)
    taught = total(decoder, inputs, batch)
    own = total(decoder.train(), inputs, batch)
    assert own != pytest.approx(taught, abs=1e-3)
    blind = {**batch, "target/pieces": batch["target/pieces"] * 0 + 1}
    assert total(decoder, inputs, blind) == pytest.approx(own, abs=1e-4)  # no gold was read


@pytest.mark.parametrize("name", VARIANTS)
def test_training_embeds_what_it_reads_and_nothing_else(name: str) -> None:
    decoder = made(**VARIANTS[name]).train()
    calls: list[Any] = []
    decoder.target.embedder.register_forward_hook(lambda *given: calls.append(given))
    decoder.loss(*batch_of(decoder, EXAMPLES))
    assert len(calls) == 1


def test_answers_begin_as_the_field_says() -> None:
    decoder = made(prefix="begin")
    told = [Example({"begin": "z z"}, EXAMPLES[0].inputs), Example({}, EXAMPLES[1].inputs)]
    answers = decoder.predict(*batch_of(decoder, told), told)
    assert answers[0]["pieces"][:2] == ["z", "z"]
    told = [Example({"begin": "z never y"}, EXAMPLES[0].inputs)]
    (answer,) = decoder.predict(*batch_of(decoder, told), told)
    assert answer["pieces"][0::2][:2] == ["z", "y"]  # what cannot be written stays open
    told = [EXAMPLES[0], EXAMPLES[1]]
    free = made().predict(*batch_of(made(), told), told)
    assert answers[1] == free[1]


def test_a_beam_gives_alternatives() -> None:
    decoder = made(search=Use("search", "beam", {"size": 3, "best": 3}))
    (answer, *_) = decoder.predict(*batch_of(decoder, EXAMPLES), EXAMPLES)
    assert len(answer["alternatives"]) == 2
    scores = [one["score"] for one in (answer, *answer["alternatives"])]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attend": "dot"}, "needs equal widths, but the input has 12 and the decoder 8"),
        ({"attend": "heads", "heads": 5}, "'heads' is 5, which does not divide the width of the"),
        ({"encode": Use("encoder", "bilstm", {"width": 8})}, "it reads ahead of what was written"),
        (
            {"tie": True, "embed": Use("embedder", "characters", {"width": 6})},
            "'tie' needs an embedder with one vector a piece, such as lookup",
        ),
    ],
)
def test_stages_that_do_not_fit_are_told(settings: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        made(**settings)


def test_a_bridge_from_the_last_state_needs_one() -> None:
    decoder = made(bridge="last")
    inputs, batch = batch_of(decoder, EXAMPLES)
    with pytest.raises(PluginError, match="has no state for 'bridge: last'"):
        decoder.loss(inputs, batch)
    state = (torch.ones(len(EXAMPLES), 2, WIDTH),)
    vectors = inputs["text"]
    inputs = {"text": Vectors(vectors.values, vectors.lengths, state)}
    assert decoder.loss(inputs, batch).total.isfinite()


@pytest.mark.parametrize("gold", [None, 3.5, np.zeros((2, 2))])
def test_a_gold_that_is_no_text_is_told(gold: Any) -> None:
    decoder = attention(UPSTREAM, **SMALL)
    with pytest.raises(DataError, match="attention: "):
        decoder.fit([example("a", gold)])


@pytest.mark.parametrize(
    ("changed", "setting", "message"),
    [
        ({"heads": 2}, "heads", "has no effect with 'attend: general'. Remove it"),
        ({"coverage": 1.0}, "coverage", "needs 'attend: additive', not general"),
        ({"embed": "shared"}, "embed", "is shared, but 'tokenise' is not"),
        ({"attend": "monotonic", "feed": True}, "feed", "has no effect with 'attend: monotonic'"),
        ({"attend": "monotonic", "heads": 2}, "heads", "has no effect with 'attend: monotonic'"),
        ({"attend": "monotonic", "embed": "shared"}, "embed", "is shared, but 'tokenise' is not"),
        ({"copy": True, "smoothing": 0.1}, "smoothing", "has no effect with 'copy'"),
    ],
)
def test_settings_that_exclude_each_other_are_told(
    changed: Any, setting: str, message: str
) -> None:
    given = {
        "heads": 4,
        "attend": "general",
        "coverage": 0.0,
        "feed": False,
        "embed": None,
        "tokenise": None,
        "copy": False,
        "smoothing": 0.0,
        **dict.fromkeys(("deep", "tie", "sampling", "prefix", "include")),
        **changed,
    }
    ((name, told),) = attention_rules(given)
    assert name == setting
    assert message in told
