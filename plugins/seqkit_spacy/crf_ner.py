"""Entities by a conditional random field, trained by `spacy train` like spaCy's own components.

spaCy reads the annotations of `initialize` to check a configuration: they are not postponed here.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, final

from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate

from seqkit.stages import Answer
from seqkit_spacy.component import Scorer
from seqkit_spacy.entities import add_entities
from seqkit_spacy.placing import extend

SAMPLE = 10
"""Docs that the widths of a model are found with."""
TAGS = {"B": "B", "U": "B", "I": "I", "L": "I"}
"""The letters of spaCy's tags in BIO."""


@final
class CrfNer(TrainablePipe):  # type: ignore[misc]  # spaCy's class is compiled, without types
    """A component with a Tok2Vec and a conditional random field over its vectors.

    Entities of earlier components stay, and none overlaps them. A Doc with tokens whose entities
    nobody has looked at teaches nothing.
    """

    def __init__(
        self, vocab: Vocab, model: Model[Any, Any], name: str, scorer: Scorer | None
    ) -> None:
        self.vocab, self.model, self.name, self.scorer = vocab, model, name, scorer
        self.cfg: dict[str, Any] = {"labels": []}
        extend(Span, "confidence")

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of entities."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> tuple[str, ...]:
        """What `initialize` needs to know of the labels."""
        return self.labels

    def add_label(self, label: str) -> int:
        """Adds a label before the component is initialised. Raises ValueError afterwards."""
        if label in self.cfg["labels"]:
            return 0
        if self.head is not None:
            raise ValueError(
                f"{self.name}: has learnt {', '.join(self.labels)}, and '{label}' cannot be added. "
                "Initialise it anew."
            )
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        return 1

    @property
    def head(self) -> Any:
        """The field, once there are labels."""
        return self.model.shims[0]._model

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
    ) -> None:
        """Finds the labels of the examples and allocates the weights. Raises ValueError."""
        del nlp
        validate_get_examples(get_examples, "CrfNer.initialize")
        if labels is None:
            found = {entity.label_ for one in get_examples() for entity in one.reference.ents}
            labels = sorted({*found, *self.cfg["labels"]})
        if not labels:
            raise ValueError(
                f"{self.name}: no example has an entity, so there is nothing to learn. Give Docs "
                "with entities, or 'labels'."
            )
        sample = [one.x for one in islice(get_examples(), SAMPLE)]
        self.model.initialize(X=sample or [Doc(self.vocab, words=["x"])])
        from seqkit_spacy.crf_head import Head
        from seqkit_spacy.forking import guard_forks

        guard_forks()
        shim: Any = self.model.shims[0]
        shim.take(Head(self.model.get_ref("tok2vec").get_dim("nO"), labels))
        self.cfg["labels"] = list(labels)
        for label in labels:
            self.vocab.strings.add(label)

    def predict(self, docs: Iterable[Doc]) -> list[Answer]:
        """The spans of each Doc over its tokens, with their probabilities."""
        from seqkit_spacy.crf_head import answer, of_tokens

        every = list(docs)
        self.ready()
        if not any(map(len, every)):
            return [{"spans": [], "span_confidence": []} for _ in every]
        return answer(self.model, self.model.predict(every), [of_tokens(doc) for doc in every])

    def ready(self) -> None:
        """Raises ValueError where the component has learnt nothing yet."""
        if self.head is None:
            raise ValueError(
                f"{self.name}: is not initialised. Train it by `spacy train`, or call "
                "nlp.initialize(get_examples)."
            )

    def set_annotations(self, docs: Iterable[Doc], found: Iterable[Answer]) -> None:
        """Adds the entities, each with its probability as `span._.confidence`."""
        for doc, one in zip(docs, found, strict=True):
            spans = []
            for (start, end, label), sure in zip(one["spans"], one["span_confidence"], strict=True):
                span = Span(doc, start, end, label)
                span._.confidence = sure
                spans.append(span)
            add_entities(doc, spans)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learns from a batch; the loss is the negative log-likelihood of the gold tags."""
        from seqkit_spacy.crf_head import learn, of_tokens

        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        every = list(examples)
        validate_examples(every, "CrfNer.update")
        self.ready()
        if not any(len(one.predicted) for one in every):
            return losses
        set_dropout_rate(self.model, drop)
        vectors, backprop = self.model.begin_update([one.predicted for one in every])
        gold = [of_tokens(one.predicted, tags_of(one)) for one in every]
        loss, gradients = learn(self.model, vectors, gold)
        backprop(gradients)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses


def tags_of(example: Example) -> list[str]:
    """The gold tags of the tokens, in BIO; MISSING where nobody has looked."""
    from seqkit_spacy.crf_head import MISSING

    found = []
    for tag in example.get_aligned_ner():
        letter, _, label = (tag or "-").partition("-")
        looked = f"{TAGS[letter]}-{label}" if label else letter
        found.append(looked or MISSING)
    return found
