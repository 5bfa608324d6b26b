"""The architectures that spaCy finds: `encode` of a Tok2Vec by seqkit's encoders.

They import torch when they are built. Annotations here are read by spaCy to check configurations,
so they are not postponed.
"""

from typing import Any

from thinc.api import Model

from seqkit_spacy.encoders import Encode, Surroundings, encoder


def bilstm_encoder(
    width: int,
    depth: int = 1,
    hidden: int | None = None,
    dropout: float = 0.0,
    residual: bool = True,
    norm: bool = True,
    mixed_precision: bool = False,
) -> Encode:
    """Bidirectional LSTMs (Graves & Schmidhuber 2005), `seqkit.BiLSTMEncoder.v1`.

    width: of the vectors in and out. depth: layers. hidden: width inside a layer, both directions
    together; by default four times width. dropout: with one mask for all tokens of a text;
    `training.dropout` sets it. residual: adds a layer's input to its output. norm: normalises what
    each layer gives. mixed_precision: on a GPU, half precision where it is enough.
    """
    around = Surroundings(width, depth, hidden, dropout, residual, norm, mixed_precision)
    return encoder("seqkit.BiLSTMEncoder.v1", "bilstm", {}, around)


def bigru_encoder(
    width: int,
    depth: int = 1,
    hidden: int | None = None,
    dropout: float = 0.0,
    residual: bool = True,
    norm: bool = True,
    mixed_precision: bool = False,
) -> Encode:
    """Bidirectional GRUs (Cho et al. 2014), `seqkit.BiGRUEncoder.v1`: as `bilstm_encoder`."""
    around = Surroundings(width, depth, hidden, dropout, residual, norm, mixed_precision)
    return encoder("seqkit.BiGRUEncoder.v1", "bigru", {}, around)


def lstm_encoder(
    width: int,
    depth: int = 1,
    hidden: int | None = None,
    dropout: float = 0.0,
    residual: bool = True,
    norm: bool = True,
    mixed_precision: bool = False,
) -> Encode:
    """LSTMs that see no later token, `seqkit.LSTMEncoder.v1`: as `bilstm_encoder`."""
    around = Surroundings(width, depth, hidden, dropout, residual, norm, mixed_precision)
    return encoder("seqkit.LSTMEncoder.v1", "lstm", {}, around)


def stage_encoder(
    use: str,
    width: int,
    depth: int = 1,
    hidden: int | None = None,
    dropout: float = 0.0,
    residual: bool = True,
    norm: bool = True,
    mixed_precision: bool = False,
    settings: dict[str, Any] = {},  # noqa: B006  spaCy fills configurations in with the default
) -> Encode:
    """Any encoder of seqkit or of its plugins, `seqkit.StageEncoder.v1`.

    use: its name, as in a recipe. settings: those of its own, beside its width. All others: as in
    `bilstm_encoder`.
    """
    around = Surroundings(width, depth, hidden, dropout, residual, norm, mixed_precision)
    return encoder("seqkit.StageEncoder.v1", use, settings, around)


def crf_head(tok2vec: Model[Any, Any]) -> Model[Any, Any]:
    """A conditional random field over a Tok2Vec, for `seqkit_crf_ner`: `seqkit.CRFHead.v1`."""
    from seqkit_spacy.crf_head import head_model

    found: Model[Any, Any] = head_model(tok2vec)
    return found
