"""The conformance suite, which plugin authors run on their own stages in one line.

    from seqkit.testing import check_stage

    def test_my_encoder_keeps_the_contract():
        check_stage(my_encoder, settings={"width": 32})

It fits the stage, readies it, prepares, collates and runs it, alone and in batches, saves and loads
it, and raises AssertionError `factory: what broke` for the first promise that is not kept.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from seqkit import recipe
from seqkit.errors import PluginError, nearest
from seqkit.plugins import NAME, STAGES, Plugin, Register, Registry, Stage, registry
from seqkit.stages import (
    Decoder,
    Embedder,
    Encoder,
    Metric,
    Search,
    Source,
    Text,
    Tokeniser,
    Upstream,
)
from seqkit.testing.answers import check_decoder, check_search
from seqkit.testing.embedders import check_embedder
from seqkit.testing.encoders import check_encoder, check_joint
from seqkit.testing.findings import check_findings
from seqkit.testing.incremental import check_incremental
from seqkit.testing.pieces import check_tokeniser
from seqkit.testing.records import PAIRS, check_metric, check_source
from seqkit.testing.specimens import (
    INPUTS,
    SINGLE,
    TEXTS,
    UNSEEN,
    WIDTH,
    before,
    example,
    labelled,
    paired,
    texts,
)
from seqkit.testing.subject import BrokenPromiseError, Subject

__all__ = ["check_stage", "example"]

NOTHING: Mapping[str, Any] = MappingProxyType({})
PROTOCOLS: Mapping[str, type] = {
    "decoder": Decoder,
    "tokeniser": Tokeniser,
    "embedder": Embedder,
    "encoder": Encoder,
    "search": Search,
    "metric": Metric,
    "source": Source,
}
KINDS = (*PROTOCOLS, "joint")
CHECKED = "check_stage"
"""Stands for the plugin of a factory that none registers."""


def check_stage(
    factory: Callable[..., Any],
    *,
    settings: Mapping[str, Any] = NOTHING,
    examples: Sequence[Any] | None = None,
    kind: str | None = None,
    upstream: Upstream | None = None,
) -> None:
    """Checks that the stages of a factory keep every promise of `seqkit.stages`.

    settings: as a recipe would give them. examples: of `Text` for tokenisers, of `Example` for
    embedders, encoders, decoders and searches (see `example`), pairs of answer and gold for
    metrics, pairs of split and place for sources; by default short texts with a label for each
    word. kind: for factories that no plugin registers; by default what the stage looks like. It is
    "joint" for joint encoders. upstream: what stands before the stage, ready; by default vectors
    of width 12.

    Raises AssertionError `factory: what broke`, RecipeError for settings that the factory does not
    take, and PluginError for a signature that cannot be one.
    """
    if kind is not None and kind not in KINDS:
        raise PluginError(f"check_stage: no kind called '{kind}'. {nearest(kind, KINDS)}")
    stage, known = registered(factory, kind)
    name = f"{stage.plugin.distribution}/{stage.name}"
    chosen = recipe.check_stage(stage.kind, {"use": name, **settings}, known)

    def subject(*given: Upstream) -> Subject:
        return Subject(stage.name, lambda: chosen.build(*given))

    if stage.plugin.name != CHECKED:
        kind = "joint" if stage.joint else stage.kind
    elif kind is None:
        given = (before([SINGLE], upstream),) if stage.kind in STAGES else ()
        kind = looks_like(stage.name, subject(*given).made())
    check_kind(kind, subject, examples, upstream, files=bool(stage.files))


def registered(factory: Callable[..., Any], kind: str | None) -> tuple[Stage, Registry]:
    """The factory's stage and the registry that has it; where no plugin has it, a made-up one."""
    known = registry()
    for plugin in known.plugins:
        for stage in plugin.stages:
            if stage.factory is factory and kind in (None, stage.kind, "joint"):
                return stage, known
    plugin = Plugin(CHECKED, factory.__module__, CHECKED, "0")
    called = getattr(factory, "__name__", "")
    name = called if NAME.fullmatch(called) else "stage"
    parameters = inspect.signature(factory).parameters.values()
    given = any(parameter.kind is not parameter.KEYWORD_ONLY for parameter in parameters)
    kind = {None: "encoder" if given else "metric", "joint": "encoder"}.get(kind, kind)
    getattr(Register(plugin), str(kind))(name, factory)
    return plugin.stages[0], Registry([*known.plugins, plugin])


def looks_like(who: str, stage: Any) -> str:
    """The kind of a stage, by its members."""
    for kind, protocol in PROTOCOLS.items():
        if isinstance(stage, protocol):
            return kind
    raise BrokenPromiseError(
        f"{who}: {type(stage).__name__} has not all members of any Protocol of seqkit.stages. "
        "Say which kind it is, such as kind='encoder', to see what it lacks."
    )


def check_kind(
    kind: str,
    subject: Callable[..., Subject],
    examples: Sequence[Any] | None,
    upstream: Upstream | None,
    files: bool,
) -> None:
    """Runs the checks of one kind, on the given examples or on the default ones."""
    if kind == "tokeniser":
        found: Sequence[Text] = examples or texts(TEXTS)
        check_tokeniser(subject(Upstream(0)), found)
        check_findings(subject(Upstream(0)), found)
    elif kind == "embedder":
        more = [] if examples else [example(UNSEEN)]
        check_embedder(subject(Upstream(0)), examples or labelled(), more)
        check_findings(subject(Upstream(0)), examples or labelled())
    elif kind == "encoder":
        alone = upstream or Upstream(WIDTH)
        check_encoder(subject(alone), examples or labelled(), before([SINGLE], alone))
    elif kind == "joint":
        behind = before(examples[0].inputs if examples else INPUTS, upstream)
        check_joint(subject(behind), examples or paired(), behind)
    elif kind in ("decoder", "search"):
        behind = before(examples[0].inputs if examples else [SINGLE], upstream)
        checks = [check_decoder, check_incremental] if kind == "decoder" else [check_search]
        for check in checks:
            check(subject(behind), examples or labelled(), behind)
        if kind == "decoder":
            check_findings(subject(behind), examples or labelled())
    elif kind == "metric":
        check_metric(subject(), examples or PAIRS)
    else:
        if files and not examples:
            raise PluginError("check_stage: a source of files needs examples: (split, path) pairs.")
        check_source(subject(), examples or [(split, None) for split in ("train", "dev", "test")])
