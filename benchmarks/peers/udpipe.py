"""UDPipe 1 (Straka & Straková 2017): an averaged perceptron over hand-made features."""

from __future__ import annotations

import gzip
from pathlib import Path

from sentences import treebank
from ufal import udpipe

TAGGER = (
    "models=1;templates_1=tagger;guesser_suffix_rules_1=12;guesser_enrich_dictionary_1=6;"
    "guesser_prefixes_max_1=0;use_lemma_1=1;use_xpostag_1=1;use_feats_1=1;provide_lemma_1=0;"
    "provide_xpostag_1=1;provide_feats_1=1;prune_features_1=0"
)
"""The first of the two models that its authors trained for English UD 2.0; the other lemmatises.

Source: training/models-ud-2.0/params_tagger of ufal/udpipe, line `en`.
"""


def sentences(path: Path) -> udpipe.Sentences:
    """The sentences of a CoNLL-U file."""
    reader = udpipe.InputFormat.newConlluInputFormat()
    reader.setText(gzip.decompress(path.read_bytes()).decode())
    found, error = udpipe.Sentences(), udpipe.ProcessingError()
    sentence = udpipe.Sentence()
    while reader.nextSentence(sentence, error):
        found.append(sentence)
        sentence = udpipe.Sentence()
    if error.occurred():
        raise ValueError(f"{path}: {error.message}")
    return found


def retrain(data: Path, place: Path) -> list[list[list[str]]]:
    """Trains the tagger alone, stopped by dev; the answers on test of each column."""
    train, dev, test = (sentences(treebank(data, split)) for split in ("train", "dev", "test"))
    error = udpipe.ProcessingError()
    none = udpipe.Trainer.NONE
    trained = udpipe.Trainer.train("morphodita_parsito", train, dev, none, TAGGER, none, error)
    if error.occurred():
        raise ValueError(f"UDPipe does not train: {error.message}")
    (place / "udpipe.model").write_bytes(trained)
    model = udpipe.Model.load(str(place / "udpipe.model"))
    answers: list[list[list[str]]] = [[], [], []]
    for sentence in test:
        model.tag(sentence, udpipe.Model.DEFAULT)
        words = list(sentence.words)[1:]  # the first one is the root
        for column, name in zip(answers, ("upostag", "xpostag", "feats"), strict=True):
            column.append([getattr(word, name) or "_" for word in words])
    return answers
