"""The plugin door: discovery, quarantine, and lookup of stages by kind and name.

A plugin is a module named by an entry point of the group `seqkit`. It implements one hook,
`seqkit_stages(register)`, and registers factories. First-party plugins come in by the same door.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import os
import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from seqkit.errors import PluginError, nearest

GROUP = "seqkit"
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
STAGES = ("tokeniser", "embedder", "encoder", "decoder", "search")
KINDS = (*STAGES, "source", "metric")

hookspec = pluggy.HookspecMarker("seqkit")
hookimpl = pluggy.HookimplMarker("seqkit")

Factory = Callable[..., Any]
Rules = Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]
"""From a factory's checked settings to (setting, what is wrong with it) pairs; imports no torch."""
Files = Callable[[Mapping[str, Any], Path], Iterable[Path]]
"""From a source's checked settings and the path of a place to the files that it reads there, always
in the same order; imports nothing heavy. Raises DataError where one is missing."""

Shares = Callable[[Mapping[str, Any]], Mapping[str, str | None]]
"""What a decoder of these checked settings has in common with an input: "tokenise", "embed", each
with the input's name, or None for the only one."""


@dataclass
class Plugin:
    """One installed entry point, and what became of it."""

    name: str
    module: str
    distribution: str
    version: str
    state: str = "loaded"
    seconds: float = 0.0
    error: str = ""
    traceback: str = ""
    stages: list[Stage] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"


@dataclass(frozen=True)
class Stage:
    """A registered factory.

    files: whether a source's places are files, or which files it reads for a place. joint: an
    encoder that is handed all inputs. shares: of a decoder, which stages of its inputs are fitted
    on its gold too.
    """

    kind: str
    name: str
    factory: Factory
    plugin: Plugin = field(repr=False)
    rules: Rules | None = None
    joint: bool = False
    files: bool | Files = False
    shares: Shares | None = None


@dataclass(frozen=True)
class Use:
    """The default of a nested setting: `encode: Nested[Encoder] = Use("encoder", "bilstm")`.

    The check resolves it as if the recipe had said it. Where a factory is called by hand, `build`
    looks the stage up in the registry.
    """

    kind: str
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def build(self, *given: Any) -> Any:
        """Builds the stage that the default names. given: its upstream, nothing for a source."""
        return registry().find(self.kind, self.name).factory(*given, **self.settings)


class Hooks:
    """The hooks that seqkit calls."""

    @hookspec
    def seqkit_stages(self, register: Register) -> None:
        """Registers the plugin's stages, sources and metrics."""


class Register:
    """Handed to `seqkit_stages`. Each method takes a name and a factory.

    A factory's parameters before the star are what the engine gives: the four stages and searches
    get `upstream`, sources and metrics nothing. Those after the star are what a recipe may set.
    """

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def tokeniser(self, name: str, factory: Factory, *, rules: Rules | None = None) -> None:
        """Registers `factory(upstream, *, ...) -> Tokeniser`."""
        self._add("tokeniser", name, factory, rules)

    def embedder(self, name: str, factory: Factory, *, rules: Rules | None = None) -> None:
        """Registers `factory(upstream, *, ...) -> Embedder`."""
        self._add("embedder", name, factory, rules)

    def encoder(
        self, name: str, factory: Factory, *, rules: Rules | None = None, joint: bool = False
    ) -> None:
        """Registers `factory(upstream, *, ...) -> Encoder`, or Joint where `joint` is True."""
        self._add("encoder", name, factory, rules, joint=joint)

    def decoder(
        self,
        name: str,
        factory: Factory,
        *,
        rules: Rules | None = None,
        shares: Shares | None = None,
    ) -> None:
        """Registers `factory(upstream, *, ...) -> Decoder`.

        shares: what its gold, a text, has in common with an input under these settings, as
        {"tokenise": the input's name or None for the only one, "embed": the same}. The input's
        stage is then fitted on both.
        """
        self._add("decoder", name, factory, rules, shares=shares)

    def search(self, name: str, factory: Factory, *, rules: Rules | None = None) -> None:
        """Registers `factory(upstream, *, ...) -> Search`."""
        self._add("search", name, factory, rules)

    def source(
        self,
        name: str,
        factory: Factory,
        *,
        rules: Rules | None = None,
        files: bool | Files = False,
    ) -> None:
        """Registers `factory(*, ...) -> Source`.

        files: True where its places are files of the data folder; where they may also be folders,
        or how several names begin, a function that gives the files of a place.
        """
        self._add("source", name, factory, rules, files=files)

    def metric(self, name: str, factory: Factory, *, rules: Rules | None = None) -> None:
        """Registers `factory(*, ...) -> Metric`."""
        self._add("metric", name, factory, rules)

    def _add(
        self,
        kind: str,
        name: str,
        factory: Factory,
        rules: Rules | None,
        *,
        joint: bool = False,
        files: bool | Files = False,
        shares: Shares | None = None,
    ) -> None:
        who = f"{kind} '{name}'"
        if not NAME.fullmatch(name):
            raise PluginError(f"{who}: a name has 1 to 64 of A-Z a-z 0-9 _ . -")
        if any(stage.kind == kind and stage.name == name for stage in self._plugin.stages):
            raise PluginError(f"{who} is registered twice. Register each name once.")
        check_factory(who, factory, given=1 if kind in STAGES else 0)
        self._plugin.stages.append(
            Stage(kind, name, factory, self._plugin, rules, joint, files, shares)
        )


def check_factory(who: str, factory: Factory, given: int) -> None:
    """Refuses a factory whose signature cannot serve as a schema."""
    before = 0
    for parameter in inspect.signature(factory).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise PluginError(f"{who}: its factory takes *{parameter.name}. Name each setting.")
        if parameter.kind is not parameter.KEYWORD_ONLY:
            before += 1
        elif parameter.annotation is parameter.empty:
            raise PluginError(f"{who}: setting '{parameter.name}' has no type. Annotate it.")
    if before != given:
        wanted = "one parameter, upstream," if given else "no parameter"
        raise PluginError(
            f"{who}: its factory takes {before} parameters before the star, but the engine gives "
            f"{given}. Put {wanted} before the star and settings after it."
        )


class Registry:
    """The stages of all loaded plugins."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = tuple(plugins)

    def stages(self, kind: str) -> list[Stage]:
        """All stages of a kind, sorted by name."""
        found = [stage for plugin in self.plugins for stage in plugin.stages if stage.kind == kind]
        return sorted(found, key=lambda stage: (stage.name, stage.plugin.distribution))

    def find(self, kind: str, name: str) -> Stage:
        """The stage called `name` or `distribution/name`.

        Raises PluginError where none fits, or several.
        """
        distribution, slash, short = name.rpartition("/")
        found = [
            stage
            for stage in self.stages(kind)
            if stage.name == short and (not slash or stage.plugin.distribution == distribution)
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            known = {stage.name for stage in self.stages(kind)}
            broken = [plugin for plugin in self.plugins if plugin.state != "loaded"]
            also = f" {len(broken)} broken: see `seqkit plugins`." if broken else ""
            raise PluginError(f"no {kind} called '{name}'. {nearest(short, known)}{also}".strip())
        raise PluginError(
            f"{kind} '{short}' is in {len(found)} plugins. Say "
            + " or ".join(f"'{stage.plugin.distribution}/{stage.name}'" for stage in found)
            + "."
        )


def load_plugins(strict: bool = False) -> Registry:
    """Loads every installed plugin, each on its own: one that fails is quarantined, not fatal.

    Raises PluginError for the first failure where `strict` is True.
    """
    manager = pluggy.PluginManager("seqkit")
    manager.add_hookspecs(Hooks)
    plugins = []
    seen: dict[str, Plugin] = {}
    for entry in installed_entry_points():
        plugin = Plugin(entry.name, entry.value, owner(entry), version(entry))
        plugins.append(plugin)
        started = time.perf_counter()
        try:
            if entry.name in seen:
                raise PluginError(
                    f"the entry point '{entry.name}' is in two distributions, "
                    f"{seen[entry.name].distribution} and {plugin.distribution}. "
                    "Uninstall one of them."
                )
            seen[entry.name] = plugin
            register_plugin(manager, plugin, entry.load())
        except BaseException as error:  # a foreign module may panic or exit: the others go on
            if isinstance(error, KeyboardInterrupt):
                raise
            if strict:
                raise PluginError(f"plugin {plugin}: {describe(error)}") from error
            plugin.stages.clear()
            plugin.state = "quarantined"
            plugin.error = describe(error)
            plugin.traceback = traceback.format_exc()
        plugin.seconds = time.perf_counter() - started
    return Registry(plugins)


def installed_entry_points() -> list[importlib.metadata.EntryPoint]:
    """The group's entry points, sorted, so that the order of installation never shows."""
    found = importlib.metadata.entry_points(group=GROUP)
    return sorted(found, key=lambda entry: (entry.name, owner(entry)))


def owner(entry: importlib.metadata.EntryPoint) -> str:
    """The name of an entry point's distribution, which damaged metadata may lack."""
    return (entry.dist and entry.dist.name) or "unknown"


def version(entry: importlib.metadata.EntryPoint) -> str:
    """The version of an entry point's distribution."""
    return (entry.dist and entry.dist.version) or "0"


def register_plugin(manager: pluggy.PluginManager, plugin: Plugin, module: ModuleType) -> None:
    """Registers one module and calls its hook, alone, so that a failure has an owner."""
    manager.register(module, name=f"{plugin.distribution}/{plugin.name}")
    unknown = [
        attribute
        for attribute in vars(module)
        if attribute.startswith("seqkit_") and not hasattr(Hooks, attribute)
        if callable(getattr(module, attribute))
    ]
    if unknown:
        raise PluginError(
            f"no hook called '{unknown[0]}'. {nearest(unknown[0], ['seqkit_stages'])}"
        )
    others = manager.get_plugins() - {module}
    manager.subset_hook_caller("seqkit_stages", others)(register=Register(plugin))
    if not plugin.stages:
        raise PluginError(
            "it registers nothing. Mark `seqkit_stages(register)` with @seqkit.hookimpl."
        )


def describe(error: BaseException) -> str:
    """An exception on one line."""
    if isinstance(error, PluginError):
        return str(error)
    try:
        message = " ".join(str(error).split())
    except Exception:  # a foreign error may fail to say what it is
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


@cache
def registry() -> Registry:
    """The registry of this process; plugins are loaded once, when first asked for."""
    return load_plugins(strict=bool(os.environ.get("SEQKIT_STRICT_PLUGINS")))
