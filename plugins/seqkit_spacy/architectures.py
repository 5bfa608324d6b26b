"""The architectures that spaCy finds: `encode` of a Tok2Vec by seqkit's encoders.

They import torch when they are built. Annotations here are read by spaCy to check configurations,
so they are not postponed.
"""

from seqkit_spacy.encoders import Encode, encoder


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

    width: of the vectors in and out. depth: layers. hidden: width inside, both directions together;
    by default width. dropout: one mask a text; `training.dropout` sets it. residual: whether a
    layer's input is added to its output. norm: layer normalisation after each layer.
    mixed_precision: on a GPU, half precision where it is enough.
    """
    return encoder(
        "seqkit.BiLSTMEncoder.v1",
        "bilstm",
        {},
        width=width,
        depth=depth,
        hidden=hidden,
        dropout=dropout,
        residual=residual,
        norm=norm,
        mixed_precision=mixed_precision,
    )
