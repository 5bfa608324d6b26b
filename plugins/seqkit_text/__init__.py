"""Text: tokenisers that find pieces, and embedders that give them vectors."""

from __future__ import annotations

from seqkit.plugins import Register, hookimpl
from seqkit_text.embedding import (
    affixes_embedder,
    affixes_rules,
    characters_embedder,
    characters_rules,
    concat_embedder,
    locked_rules,
    lookup_embedder,
)
from seqkit_text.tokenising import (
    bytes_tokeniser,
    characters_tokeniser,
    words_rules,
    words_tokeniser,
)


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers this package's tokenisers and embedders."""
    register.tokeniser("words", words_tokeniser, rules=words_rules)
    register.tokeniser("characters", characters_tokeniser)
    register.tokeniser("bytes", bytes_tokeniser)
    register.embedder("lookup", lookup_embedder, rules=locked_rules)
    register.embedder("affixes", affixes_embedder, rules=affixes_rules)
    register.embedder("characters", characters_embedder, rules=characters_rules)
    register.embedder("concat", concat_embedder, rules=locked_rules)
