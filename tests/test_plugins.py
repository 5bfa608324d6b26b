"""The plugin door: found when installed, quarantined when broken, looked up by kind and name."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from seqkit.errors import PluginError
from seqkit.plugins import (
    KINDS,
    Plugin,
    Register,
    Registry,
    Use,
    check_factory,
    load_plugins,
    registry,
)
from seqkit.stages import Upstream

GOOD = """
    from seqkit.plugins import hookimpl

    @hookimpl
    def seqkit_stages(register):
        register.encoder("{name}", build)

    def build(upstream, *, width: int = 3):
        return ("{name}", upstream, width)
"""


class Install(Protocol):
    """Installs a distribution."""

    def __call__(
        self, distribution: str, code: str, *, name: str = "", module: str = "", metadata: str = ""
    ) -> str: ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Does what pip does, in a folder of its own: a module and a dist-info; gives the module."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def put(
        distribution: str, code: str, *, name: str = "", module: str = "", metadata: str = ""
    ) -> str:
        module = module or distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(code))
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        metadata = metadata or f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n"
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text(f"[seqkit]\n{name or module} = {module}\n")
        return module

    yield put
    for name in set(sys.modules) - before:
        del sys.modules[name]


def plugin(found: Registry, distribution: str) -> Plugin:
    """The one plugin of a distribution."""
    (one,) = [each for each in found.plugins if each.distribution == distribution]
    return one


def refused(found: Registry, kind: str, name: str) -> str:
    """Why a stage is not found."""
    with pytest.raises(PluginError) as caught:
        found.find(kind, name)
    return str(caught.value)


def test_what_pip_installed_is_found_without_more(install: Install) -> None:
    install("acme-rnn", GOOD.format(name="acme"))
    found = load_plugins()
    one = plugin(found, "acme-rnn")
    assert (one.name, one.module, one.version, one.state) == (
        "acme_rnn",
        "acme_rnn",
        "1.2",
        "loaded",
    )
    assert one.error == one.traceback == ""
    assert one.seconds > 0
    assert str(one) == "acme_rnn (acme-rnn 1.2)"
    stage = found.find("encoder", "acme")
    assert stage.plugin is one
    assert stage.factory(Upstream(width=9)) == ("acme", Upstream(width=9), 3)
    assert found.find("encoder", "acme-rnn/acme") is stage


def test_the_first_party_plugins_come_in_by_the_same_door() -> None:
    assert {"data", "labels", "recurrent", "text"} <= {each.name for each in registry().plugins}
    assert {each.state for each in registry().plugins if each.distribution == "seqkit"} == {
        "loaded"
    }
    assert registry().find("encoder", "bilstm").plugin.distribution == "seqkit"
    assert registry() is registry()


BROKEN = {
    "a module that is not there": (
        "raise ModuleNotFoundError(\"No module named 'fairyland'\")",
        "ModuleNotFoundError: No module named 'fairyland'",
    ),
    "a syntax error": (
        "def f(:\n    pass",
        "SyntaxError: invalid syntax (broken_plugin.py, line 1)",
    ),
    "a division by zero": ("1 / 0", "ZeroDivisionError: division by zero"),
    "an exit": ("import sys\nsys.exit(3)", "SystemExit: 3"),
    "a native panic": (
        "class PanicException(BaseException): pass\nraise PanicException('index out of\\n bounds')",
        "PanicException: index out of bounds",
    ),
    "an error without words": ("raise ValueError", "ValueError"),
    "an error that cannot say what it is": (
        "class Odd(Exception):\n    def __str__(self): raise TypeError\nraise Odd",
        "Odd",
    ),
    "no hook": (
        "x = 3",
        "it registers nothing. Mark `seqkit_stages(register)` with @seqkit.hookimpl.",
    ),
    "a hook that is not marked": (
        "def seqkit_stages(register): register.encoder('x', build)",
        "it registers nothing. Mark `seqkit_stages(register)` with @seqkit.hookimpl.",
    ),
    "a hook that registers nothing": (
        "from seqkit.plugins import hookimpl\n@hookimpl\ndef seqkit_stages(register): pass",
        "it registers nothing. Mark `seqkit_stages(register)` with @seqkit.hookimpl.",
    ),
    "a misspelt hook": (
        "from seqkit.plugins import hookimpl\n@hookimpl\ndef seqkit_stage(register): pass",
        "no hook called 'seqkit_stage'. Did you mean 'seqkit_stages'?",
    ),
    "a hook that raises": (
        "from seqkit.plugins import hookimpl\n@hookimpl\n"
        "def seqkit_stages(register):\n"
        "    register.encoder('half', lambda upstream: upstream)\n    raise KeyError('oh')",
        "KeyError: 'oh'",
    ),
    "a factory whose settings have no type": (
        "from seqkit.plugins import hookimpl\n@hookimpl\n"
        "def seqkit_stages(register): register.encoder('x', lambda upstream, *, width=3: width)",
        "encoder 'x': setting 'width' has no type. Annotate it.",
    ),
    "a hook that wants what nobody gives": (
        "from seqkit.plugins import hookimpl\n@hookimpl\ndef seqkit_stages(registrar): pass",
        None,
    ),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_broken_plugin_is_quarantined_and_the_others_go_on(
    mistake: str, install: Install
) -> None:
    code, said = BROKEN[mistake]
    install("broken-plugin", code)
    install("aaa", GOOD.format(name="first"))
    install("zzz", GOOD.format(name="last"))
    found = load_plugins()
    one = plugin(found, "broken-plugin")
    assert (one.name, one.version, one.state) == ("broken_plugin", "1.2", "quarantined")
    assert one.stages == []
    assert "\n" not in one.error
    assert one.traceback.startswith("Traceback (most recent call last):")
    if said is not None:
        assert one.error == said
    else:
        assert one.error.startswith("PluginValidationError: Plugin 'broken-plugin/broken_plugin'")
        assert "registrar" in one.error
    assert {found.find("encoder", name).plugin.state for name in ("first", "last")} == {"loaded"}
    assert found.find("encoder", "bilstm").plugin.state == "loaded"

    with pytest.raises(PluginError) as caught:
        load_plugins(strict=True)
    assert str(caught.value) == f"plugin broken_plugin (broken-plugin 1.2): {one.error}"


def test_control_c_while_a_plugin_loads_is_no_quarantine(install: Install) -> None:
    install("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_plugins()


def test_the_command_line_asks_for_strict_plugins_by_the_environment(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("broken-plugin", "1 / 0")
    monkeypatch.setenv("SEQKIT_STRICT_PLUGINS", "1")
    registry.cache_clear()
    with pytest.raises(PluginError, match="plugin broken_plugin"):
        registry()
    monkeypatch.delenv("SEQKIT_STRICT_PLUGINS")
    assert plugin(registry(), "broken-plugin").state == "quarantined"
    registry.cache_clear()


def test_a_name_that_is_not_there_gets_the_nearest_and_a_hint_at_broken_plugins(
    install: Install,
) -> None:
    assert refused(load_plugins(), "encoder", "bilstn") == (
        "no encoder called 'bilstn'. Did you mean 'bilstm'?"
    )
    install("broken-plugin", "1 / 0")
    assert refused(load_plugins(), "encoder", "Bilstn") == (
        "no encoder called 'Bilstn'. Did you mean 'bilstm'? 1 broken: see `seqkit plugins`."
    )
    assert refused(load_plugins(), "encoder", "nobody/bilstm") == (
        "no encoder called 'nobody/bilstm'. Did you mean 'bilstm'? 1 broken: see `seqkit plugins`."
    )


def test_one_entry_point_name_in_two_distributions_is_told(install: Install) -> None:
    install("one-dist", GOOD.format(name="mine"), name="same")
    install("two-dist", GOOD.format(name="other"), name="same")
    found = load_plugins()
    assert plugin(found, "one-dist").state == "loaded"
    second = plugin(found, "two-dist")
    assert second.state == "quarantined"
    assert second.error == (
        "the entry point 'same' is in two distributions, one-dist and two-dist. "
        "Uninstall one of them."
    )
    assert found.find("encoder", "mine").plugin.distribution == "one-dist"
    assert "no encoder called 'other'" in refused(found, "encoder", "other")


def test_one_module_under_two_names_registers_once(install: Install) -> None:
    install("one-dist", GOOD.format(name="mine"), module="shared")
    install("two-dist", GOOD.format(name="mine"), name="again", module="shared")
    found = load_plugins()
    assert sorted(each.state for each in found.plugins if each.module == "shared") == [
        "loaded",
        "quarantined",
    ]
    assert found.find("encoder", "mine").name == "mine"


def test_one_stage_name_in_two_distributions_is_an_error_that_names_both(install: Install) -> None:
    install("one-dist", GOOD.format(name="same"))
    install("two-dist", GOOD.format(name="same"))
    found = load_plugins()
    assert refused(found, "encoder", "same") == (
        "encoder 'same' is in 2 plugins. Say 'one-dist/same' or 'two-dist/same'."
    )
    for distribution in ("one-dist", "two-dist"):
        stage = found.find("encoder", f"{distribution}/same")
        assert stage.plugin.distribution == distribution


def test_the_order_of_installation_never_shows(install: Install) -> None:
    for distribution in ("zzz", "aaa", "mmm"):
        install(distribution, GOOD.format(name=distribution))
    names = [each.name for each in load_plugins().plugins]
    assert names == sorted(names)
    stages = [stage.name for stage in load_plugins().stages("encoder")]
    assert stages == sorted(stages)


@pytest.mark.parametrize("metadata", ["Metadata-Version: 2.1\n", "\n"])
def test_damaged_metadata_breaks_nothing(metadata: str, install: Install) -> None:
    install("one-dist", GOOD.format(name="mine"), name="same", metadata=metadata)
    install("two-dist", GOOD.format(name="other"), name="same", metadata=metadata)
    found = load_plugins()
    stages = [stage for stage in found.stages("encoder") if stage.name in ("mine", "other")]
    assert len(stages) == 1
    assert str(stages[0].plugin) == "same (unknown 0)"


HOSTILE = [
    *("os.system", "posix.system", "nt.system", "subprocess.run", "subprocess:run", "eval", "exec"),
    *("builtins.eval", "builtins.exec", "__import__", "importlib.import_module", "torch", "pickle"),
    *("torch.load", "torch.hub.load", "torch.nn.Linear", "pickle.loads", "joblib.load", "a:b"),
    *("shutil.rmtree", "webbrowser.open", "code.interact", "runpy.run_path", "seqkit.runs.run"),
    *("seqkit_recurrent.lstm.BiLSTM", "seqkit_recurrent:bilstm", "seqkit_recurrent.bilstm"),
    *("../bilstm", "./bilstm", "/bilstm", "bilstm/", "seqkit/seqkit/bilstm", "seqkit.bilstm"),
    *("bilstm.py", "bilstm()", "!!python", "{0.__class__}", "${PATH}", "%s", "bilstm\0", "..x"),
    *("bilst\u043c", "\ud800", "", " ", "a b", "x" * 10_000),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_looked_up_and_never_imported(kind: str) -> None:
    before = set(sys.modules)
    assert len(HOSTILE) >= 40
    for name in HOSTILE:
        assert refused(registry(), kind, name).startswith(f"no {kind} called '{name}'. ")
    assert set(sys.modules) == before


def given(upstream: Upstream, *, width: int = 3) -> int:
    """Serves as any stage's factory."""
    return width + upstream.width


def alone(*, path: str = "x") -> str:
    """Serves as a source's or a metric's factory."""
    return path


def rules(_: Mapping[str, Any]) -> list[tuple[str, str]]:
    return []


def test_each_method_registers_its_kind() -> None:
    one = Plugin("me", "me", "me-dist", "1")
    register = Register(one)
    register.tokeniser("a", given, rules=rules)
    register.embedder("a", given)
    register.encoder("a", given)
    register.encoder("b", given, joint=True)
    register.decoder("a", given)
    register.search("a", given)
    register.source("a", alone)
    register.source("b", alone, files=True)
    register.metric("a", alone, rules=rules)
    assert [
        (stage.kind, stage.name, stage.joint, stage.files, stage.rules is rules)
        for stage in one.stages
    ] == [
        ("tokeniser", "a", False, False, True),
        ("embedder", "a", False, False, False),
        ("encoder", "a", False, False, False),
        ("encoder", "b", True, False, False),
        ("decoder", "a", False, False, False),
        ("search", "a", False, False, False),
        ("source", "a", False, False, False),
        ("source", "b", False, True, False),
        ("metric", "a", False, False, True),
    ]
    assert {stage.kind for stage in one.stages} == set(KINDS)
    found = Registry([one])
    assert [stage.name for stage in found.stages("encoder")] == ["a", "b"]
    assert refused(Registry([]), "metric", "f1") == (
        "no metric called 'f1'. There is none to choose from."
    )


@pytest.mark.parametrize("name", ["", "a/b", "a b", "x" * 65, "é", "a\n"])
def test_a_stage_has_a_plain_name(name: str) -> None:
    with pytest.raises(PluginError) as caught:
        Register(Plugin("me", "me", "me-dist", "1")).encoder(name, given)
    assert str(caught.value) == f"encoder '{name}': a name has 1 to 64 of A-Z a-z 0-9 _ . -"


def test_a_name_is_registered_once_for_a_kind() -> None:
    register = Register(Plugin("me", "me", "me-dist", "1"))
    register.encoder("it", given)
    register.decoder("it", given)
    with pytest.raises(PluginError) as caught:
        register.encoder("it", given)
    assert str(caught.value) == "encoder 'it' is registered twice. Register each name once."


def two(upstream: Upstream, more: int) -> None: ...
def none(*, width: int) -> None: ...
def many(upstream: Upstream, *rest: int) -> None: ...
def loose(upstream: Upstream, **rest: int) -> None: ...


@pytest.mark.parametrize(
    ("factory", "engine", "said"),
    [
        (
            two,
            1,
            "its factory takes 2 parameters before the star, but the engine gives 1. Put one "
            "parameter, upstream, before the star and settings after it.",
        ),
        (
            none,
            1,
            "its factory takes 0 parameters before the star, but the engine gives 1. Put one "
            "parameter, upstream, before the star and settings after it.",
        ),
        (
            given,
            0,
            "its factory takes 1 parameters before the star, but the engine gives 0. Put no "
            "parameter before the star and settings after it.",
        ),
        (many, 1, "its factory takes *rest. Name each setting."),
        (loose, 1, "its factory takes *rest. Name each setting."),
    ],
)
def test_a_signature_that_is_no_schema_is_refused(factory: Any, engine: int, said: str) -> None:
    with pytest.raises(PluginError) as caught:
        check_factory("it", factory, engine)
    assert str(caught.value) == f"it: {said}"


def test_a_default_stage_is_built_from_the_registry() -> None:
    use = Use("encoder", "bilstm", {"width": 6})
    assert use.build(Upstream(width=4)).width == 6
