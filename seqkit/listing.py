"""The installed plugins, as a table for a person and as JSON."""

from __future__ import annotations

import json

from seqkit.plugins import Plugin, Registry

HEADINGS = ("plugin", "distribution", "version", "state", "import ms", "stages")


def plugin_table(registry: Registry) -> str:
    """A line for each plugin, and below it why it is quarantined."""
    rows = [HEADINGS, *(row(plugin) for plugin in registry.plugins)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEADINGS) - 1)]
    lines = []
    for line, plugin in zip(rows, (None, *registry.plugins), strict=True):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        lines.append("  ".join([*cells, line[-1]]).rstrip())
        if plugin is not None and plugin.error:
            lines.append(f"  {plugin.error}")
    return "\n".join(lines)


def row(plugin: Plugin) -> tuple[str, ...]:
    """One plugin's cells."""
    stages = ", ".join(f"{stage.kind} {stage.name}" for stage in plugin.stages)
    return (
        plugin.name,
        plugin.distribution,
        plugin.version,
        plugin.state,
        f"{1000 * plugin.seconds:.1f}",
        stages,
    )


def plugins_json(registry: Registry) -> str:
    """All that is known of each plugin, its traceback included."""
    return json.dumps(
        [
            {
                "name": plugin.name,
                "module": plugin.module,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "state": plugin.state,
                "import_seconds": round(plugin.seconds, 6),
                "stages": [{"kind": stage.kind, "name": stage.name} for stage in plugin.stages],
                "error": plugin.error,
                "traceback": plugin.traceback,
            }
            for plugin in registry.plugins
        ],
        indent=1,
    )
