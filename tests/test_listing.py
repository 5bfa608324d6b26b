"""The list of plugins: a line each, the reason of a quarantine below it, and all of it as JSON."""

from __future__ import annotations

import json

from seqkit.listing import plugin_table, plugins_json
from seqkit.plugins import Plugin, Register, Registry, registry
from seqkit.stages import Upstream


def build(upstream: Upstream, *, width: int = 3) -> int:
    return width


def score(*, strict: bool = False) -> bool:
    return strict


def some() -> Registry:
    """A plugin that works and one that does not."""
    good = Plugin("good", "good_module", "good-dist", "1.0", seconds=0.0123)
    Register(good).encoder("rnn", build)
    Register(good).metric("f1", score)
    said = "KeyError: 'oh'"
    bad = Plugin("bad", "bad", "a-longer-dist", "2.0.1", "quarantined", 1.5, said, "Traceback\n")
    return Registry([good, bad])


def test_the_table_has_a_line_a_plugin_and_says_why_one_is_quarantined() -> None:
    assert plugin_table(some()).splitlines() == [
        "plugin  distribution   version  state        import ms  stages",
        "good    good-dist      1.0      loaded       12.3       encoder rnn, metric f1",
        "bad     a-longer-dist  2.0.1    quarantined  1500.0",
        "  KeyError: 'oh'",
    ]


def test_without_plugins_the_table_is_its_headings() -> None:
    assert plugin_table(Registry([])) == ("plugin  distribution  version  state  import ms  stages")


def test_json_has_everything_the_traceback_too() -> None:
    assert json.loads(plugins_json(some())) == [
        {
            "name": "good",
            "module": "good_module",
            "distribution": "good-dist",
            "version": "1.0",
            "state": "loaded",
            "import_seconds": 0.0123,
            "stages": [{"kind": "encoder", "name": "rnn"}, {"kind": "metric", "name": "f1"}],
            "error": "",
            "traceback": "",
        },
        {
            "name": "bad",
            "module": "bad",
            "distribution": "a-longer-dist",
            "version": "2.0.1",
            "state": "quarantined",
            "import_seconds": 1.5,
            "stages": [],
            "error": "KeyError: 'oh'",
            "traceback": "Traceback\n",
        },
    ]


def test_every_installed_plugin_is_in_the_list() -> None:
    lines = plugin_table(registry()).splitlines()
    assert {line.split()[0] for line in lines[1:]} >= {"data", "labels", "recurrent", "text"}
