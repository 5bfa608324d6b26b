"""A saved seqkit model as a component of a spaCy pipeline.

spaCy reads the annotations of `initialize` to check a configuration: they are not postponed here.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, final

import srsly
from spacy import util
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.util import get_torch_default_device

from seqkit.errors import ModelError, SeqkitError
from seqkit_spacy.forking import guard_forks
from seqkit_spacy.placing import Answered, Placing
from seqkit_spacy.units import By, Words, units_of

if TYPE_CHECKING:
    from spacy.training import Example

    from seqkit_spacy.models import Model

Scorer = Callable[..., dict[str, Any]]
Examples = Callable[[], Iterable["Example"]]


@final
class ModelPipe(Pipe):
    """Answers Docs by a seqkit model, and writes the answers into them.

    placing: what is written, and where. unit: what of a Doc is one text to the model. words: whose
    words it reads. device: `auto` is where spaCy computes.

    The model is no part of the configuration: `initialize(model_path=...)` takes it from a run, and
    from then on it is saved with the pipeline. A Doc's answers never depend on the other Docs, and
    several threads may ask at once.
    """

    def __init__(
        self,
        vocab: Vocab,
        name: str,
        placing: Placing,
        *,
        unit: By,
        words: Words,
        device: str = "auto",
        scorer: Scorer | None = None,
    ) -> None:
        self.vocab, self.name, self.placing = vocab, name, placing
        self.unit, self.words, self.device, self.scorer = unit, words, device, scorer
        self.model: Model | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """What the component may write, once it has a model."""
        return self.placing.labels

    @property
    def cfg(self) -> dict[str, Any]:
        """What the scorer is told."""
        return dict(self.placing.cfg)

    def initialize(
        self,
        get_examples: Examples | None = None,
        *,
        nlp: Language | None = None,
        model_path: str | Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Loads the model of a run, or of a pipeline's folder; one that is there stays.

        settings: of the model's stages to change, by path, such as {"decode.search.size": 1}.
        Raises SeqkitError, which names the component, where there is none or it is for another
        task.
        """
        del get_examples, nlp
        if model_path is None:
            if self.model is None or settings:
                raise SeqkitError(
                    f"{self.name}: model_path: is missing. Name the folder of a run, in "
                    f"[initialize.components.{self.name}] or by "
                    f'nlp.get_pipe("{self.name}").initialize(model_path=...).'
                )
            return
        from seqkit_spacy.models import load_model

        self.take(
            "model_path", lambda more: load_model(Path(model_path), {**(settings or {}), **more})
        )

    def take(self, what: str, load: Callable[[Mapping[str, Any]], "Model"]) -> None:
        """Takes a model, with the changes that the placing asks for. Raises SeqkitError."""
        from seqkit_spacy.models import single_input

        try:
            model = load({})
            single_input(model)
        except SeqkitError as error:
            raise ModelError(f"{self.name}: {what}: {error}") from error
        changes = self.placing.accept(model, self.name)
        self.model = (load(changes) if changes else model).to(self.place())
        guard_forks()
        for label in self.placing.labels:
            self.vocab.strings.add(label)

    def place(self) -> Any:
        """The device to compute on. Raises SeqkitError for one that there is not."""
        if self.device == "auto":
            return get_torch_default_device()
        from seqkit.machine import pick_device

        return pick_device(self.device)

    def ready(self) -> "Model":
        """The model. Raises SeqkitError where there is none yet."""
        if self.model is None:
            raise SeqkitError(
                f"{self.name}: has no model yet. Load one by "
                f'nlp.get_pipe("{self.name}").initialize(model_path=...), with the folder of a run.'
            )
        return self.model

    def __call__(self, doc: Doc) -> Doc:
        """Answers one Doc and writes into it."""
        self.set_annotations([doc], self.predict([doc]))
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Answers a stream of Docs in their order, batch_size of them read ahead.

        Where a batch fails, its Docs are tried one by one, so that only those that fail by
        themselves go to the error handler.
        """
        for docs in minibatch(stream, batch_size):
            try:
                self.set_annotations(docs, self.predict(docs))
            except Exception:  # whatever it is, it belongs to one of the Docs
                yield from self.one_by_one(docs)
            else:
                yield from docs

    def one_by_one(self, docs: Sequence[Doc]) -> Iterator[Doc]:
        """Answers Docs each by itself; those that fail go to the error handler."""
        handle = self.get_error_handler()
        for doc in docs:
            try:
                answered = self(doc)
            except Exception as error:  # the handler decides what it means
                handle(self.name, self, [doc], error)
            else:
                yield answered

    def predict(self, docs: Iterable[Doc]) -> list[list[Answered]]:
        """The answers to the units of each Doc, which stays as it is.

        Units of all Docs are sorted by length and computed in batches of bounded size.
        """
        from seqkit_spacy.models import answers_to

        units = [units_of(doc, self.unit, self.words) for doc in docs]
        flat = [unit for row in units for unit in row]
        found = iter(answers_to(self.ready(), flat, self.name))
        return [[next(found) for _ in row] for row in units]

    def set_annotations(self, docs: Iterable[Doc], found: Iterable[Sequence[Answered]]) -> None:
        """Writes what `predict` has found into the Docs."""
        for doc, answered in zip(docs, found, strict=True):
            self.placing.place(doc, answered)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The model as bytes; nothing else is the component's own."""
        writers = {"model": self.packed} if self.model else {}
        return util.to_bytes(writers, exclude)

    def packed(self) -> bytes:
        """The files of the model."""
        return cast("bytes", srsly.msgpack_dumps(self.ready().files()))

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "ModelPipe":
        """Takes the model back."""
        util.from_bytes(data, {"model": self.unpacked}, exclude)
        return self

    def unpacked(self, content: bytes) -> None:
        """Takes the model from its files. Raises ModelError where they are not whole."""
        from seqkit_spacy.models import model_of

        files = srsly.msgpack_loads(content)
        self.take("model", lambda changes: model_of(files, changes))

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Writes the model as a folder of JSON and safetensors."""
        writers: dict[str, Callable[[Path], None]] = {}
        if self.model:
            writers["model"] = self.model.save
        util.to_disk(path, writers, exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "ModelPipe":
        """Takes the model back, every byte checked. Raises ModelError where one has changed."""
        util.from_disk(path, {"model": self.from_folder}, exclude)
        return self

    def from_folder(self, folder: Path) -> None:
        """Takes the model from its folder, where there is one."""
        if folder.exists():
            from seqkit_spacy.models import load_model

            self.take("model", lambda changes: load_model(folder, changes))

    def __reduce__(self) -> tuple[Any, ...]:
        """How a process that is started anew gets the component: by its bytes."""
        given = (self.vocab, self.name, self.placing)
        told = {"unit": self.unit, "words": self.words, "device": self.device}
        handler = self.__dict__.get("error_handler")
        return again, (given, {**told, "scorer": self.scorer}, self.to_bytes(), handler)


def minibatch(stream: Iterable[Doc], size: int) -> Iterator[list[Doc]]:
    """The Docs of a stream, so many at a time."""
    source = iter(stream)
    while docs := list(itertools.islice(source, size)):
        yield docs


def again(
    given: tuple[Vocab, str, Placing], told: dict[str, Any], data: bytes, handler: Any
) -> ModelPipe:
    """A component as it was pickled."""
    pipe = ModelPipe(*given, **told).from_bytes(data)
    if handler is not None:
        pipe.set_error_handler(handler)
    return pipe
