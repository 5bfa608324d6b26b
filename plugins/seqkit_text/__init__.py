"""Text: tokenisers that find pieces, and embedders that give them vectors."""

from __future__ import annotations

from seqkit.plugins import Register, hookimpl
from seqkit_text.character_embedding import (
    character_cnn_embedder,
    character_cnn_rules,
    characters_embedder,
    characters_rules,
)
from seqkit_text.embedding import (
    affixes_embedder,
    affixes_rules,
    concat_embedder,
    hashed_embedder,
    hashed_rules,
    lookup_embedder,
    shape_embedder,
)
from seqkit_text.pretrained import contextual_embedder, contextual_rules, vectors_embedder
from seqkit_text.rules import locked_rules
from seqkit_text.tokenising import (
    bytes_tokeniser,
    characters_tokeniser,
    cut_tokeniser,
    sentencepiece_rules,
    sentencepiece_tokeniser,
    words_rules,
    words_tokeniser,
)


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers this package's tokenisers and embedders."""
    register.tokeniser("words", words_tokeniser, rules=words_rules)
    register.tokeniser("characters", characters_tokeniser)
    register.tokeniser("bytes", bytes_tokeniser)
    register.tokeniser("cut", cut_tokeniser)
    register.tokeniser("sentencepiece", sentencepiece_tokeniser, rules=sentencepiece_rules)
    register.embedder("lookup", lookup_embedder, rules=locked_rules)
    register.embedder("affixes", affixes_embedder, rules=affixes_rules)
    register.embedder("shape", shape_embedder, rules=locked_rules)
    register.embedder("hashed", hashed_embedder, rules=hashed_rules)
    register.embedder("characters", characters_embedder, rules=characters_rules)
    register.embedder("character_cnn", character_cnn_embedder, rules=character_cnn_rules)
    register.embedder("vectors", vectors_embedder, rules=locked_rules)
    register.embedder("contextual", contextual_embedder, rules=contextual_rules)
    register.embedder("concat", concat_embedder, rules=locked_rules)
