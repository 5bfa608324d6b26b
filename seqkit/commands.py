"""The commands on recipes, and on seqkit itself. Each parses, calls and prints."""

from __future__ import annotations

import sys
from typing import Any

import click

from seqkit.errors import SeqkitError
from seqkit.options import overrides_of, setting


@click.command()
@click.argument("recipe", type=click.Path())
@setting
@click.option("--out", metavar="DIR", help="The run directory. Default: runs/NAME.")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--precision", help="auto, fp32 or bf16: sets train.precision.")
@click.option("--seed", help="Sets train.seed.")
@click.option(
    "--sample", type=click.IntRange(min=1), metavar="N", help="Only the first N rows of each split."
)
@click.option(
    "--seeds", type=click.IntRange(min=1), metavar="N", help="Runs with the seeds 1 to N, in OUT."
)
@click.option("--fresh", is_flag=True, help="Start over, even if the run was begun or finished.")
def run(
    recipe: str,
    settings: tuple[str, ...],
    data: str | None,
    precision: str | None,
    seed: str | None,
    seeds: int | None,
    **options: Any,
) -> int:
    """Run a recipe to its end, or go on with a run that was interrupted.

    With --seeds, each seed has a run directory in OUT (default: runs/NAME-seeds), and the scores
    are shown with their mean and standard deviation.
    """
    if seeds is not None:
        texts = overrides_of(settings, precision=precision, seed=seed)
        return run_each_seed(recipe, texts, seeds, data=data, **options)
    if has_steps(recipe):
        return run_steps(
            recipe, overrides_of(settings, precision=precision, seed=seed), data, **options
        )
    checked, folder = checked_recipe(recipe, settings, data, precision=precision, seed=seed)
    from rich.console import Console

    from seqkit.display import show_run
    from seqkit.runs import execute
    from seqkit.watching import watcher

    finished = execute(checked, folder, watch=watcher(sys.stderr), **options)
    show_run(finished, Console())
    return 0


def has_steps(recipe: str) -> bool:
    """Whether a recipe is a chain."""
    from pathlib import Path

    from seqkit.links import is_chain

    return is_chain(Path(recipe))


def run_steps(recipe: str, texts: dict[str, str], data: str | None, **options: Any) -> int:
    """Runs a chain. Raises SeqkitError for settings, which its steps have."""
    if texts:
        raise SeqkitError(
            f"--set {next(iter(texts))}: a chain has no settings. Write `set:` in one of its steps."
        )
    from rich.console import Console

    from seqkit.chaining import run_chain
    from seqkit.display import show_chain
    from seqkit.watching import watcher

    def say(line: str) -> None:
        click.echo(line, err=True)

    show_chain(
        run_chain(recipe, data=data, watch=watcher(sys.stderr), say=say, **options), Console()
    )
    return 0


def run_each_seed(recipe: str, texts: dict[str, str], seeds: int, **options: Any) -> int:
    """Runs a recipe with several seeds; 1 where one of them failed."""
    from rich.console import Console

    from seqkit.display import show_seeds
    from seqkit.seeds import train_seeds

    def say(line: str) -> None:
        click.echo(line, err=True)

    found = train_seeds(recipe, texts, seeds, say=say, **options)
    show_seeds(found, Console())
    return int(found.failed)


@click.command()
@click.argument("recipe", type=click.Path())
@click.option(
    "--swap",
    "swaps",
    metavar="A.B=X,Y",
    multiple=True,
    help="The setting, and its alternatives as a YAML list without brackets.",
)
@setting
@click.option("--out", metavar="DIR", help="Runs and results. Default: runs/compare-NAME.")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--precision", help="auto, fp32 or bf16: sets train.precision.")
@click.option(
    "--sample", type=click.IntRange(min=1), metavar="N", help="Only the first N rows of each split."
)
@click.option(
    "--seeds", type=click.IntRange(min=1), metavar="N", help="Runs each with the seeds 1 to N."
)
@click.option(
    "--parameters",
    type=click.IntRange(min=1),
    metavar="N",
    help="Chooses widths for N trained parameters. Default: as many as the recipe has.",
)
@click.option("--no-match", is_flag=True, help="Keep the widths, whatever the parameters.")
@click.option("--fresh", is_flag=True, help="Start over, even if runs were begun or finished.")
def compare(
    recipe: str,
    swaps: tuple[str, ...],
    settings: tuple[str, ...],
    precision: str | None,
    no_match: bool,
    **options: Any,
) -> int:
    """Train alternatives of one setting and show them in one table.

    seqkit compare recipe.yaml --swap 'encode=rnn,lstm,{use: lstm, peephole: true}'

    A stage keeps those of the recipe's settings that it has too, with what its own mapping says on
    top; a mapping without `use` changes the recipe's own stage. Widths are chosen so that all come
    to the same number of trained parameters; a mapping that says its width keeps it. Called again,
    it goes on.
    """
    _, folder = checked_recipe(recipe, settings, options["data"], precision=precision)
    from pathlib import Path

    from rich.console import Console

    from seqkit.comparison import Plan, carried_out, only_one
    from seqkit.display import show_comparison
    from seqkit.swaps import Swap, parse_swap

    path, given = only_one([parse_swap(swap) for swap in swaps])
    texts = overrides_of(settings, precision=precision)
    swap = Swap(Path(recipe), texts, path, folder)
    plan = Plan(swap, given, match=not no_match, **options)
    comparison = carried_out(plan, lambda line: click.echo(line, err=True))
    show_comparison(comparison, Console())
    return int(comparison.failed)


@click.command()
@click.argument("recipe", type=click.Path())
@setting
@click.option("--no-data", is_flag=True, help="Do not look for the data files.")
def check(recipe: str, settings: tuple[str, ...], data: str | None, no_data: bool) -> None:
    """Check a recipe: every mistake with its line and column, before anything loads."""
    if has_steps(recipe):
        from pathlib import Path

        from seqkit.links import read_chain

        chain = read_chain(Path(recipe), data)
        steps = ", ".join(link.name for link in chain.links)
        click.echo(f"{recipe}: {chain.name} is in order: {steps}")
        return
    checked, _ = checked_recipe(recipe, settings, data, files=not no_data)
    click.echo(f"{recipe}: {checked.name} is in order")


@click.command()
@click.argument("recipe", type=click.Path())
@setting
@click.option(
    "--sample", type=click.IntRange(min=1), metavar="N", help="Only the first N rows of each split."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data(
    recipe: str, settings: tuple[str, ...], data: str | None, sample: int | None, as_json: bool
) -> int:
    """Show what a recipe's data are, before training: sizes, labels, and what is wrong with them.

    It ends with 1 where training, or the scores after it, would be meaningless.
    """
    checked, folder = checked_recipe(recipe, settings, data)
    from seqkit.checkup import print_report
    from seqkit.doctor import examine

    report = examine(checked, folder, sample)
    print_report(report, as_json)
    return int(report.failed)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(as_json: bool) -> None:
    """List the plugins: distribution, version, stages, import time, state, last error."""
    from seqkit.listing import plugin_table, plugins_json
    from seqkit.plugins import registry

    click.echo(plugins_json(registry()) if as_json else plugin_table(registry()))


@click.command()
@click.argument("name")
def explain(name: str) -> None:
    """Explain a stage, such as encode.bilstm, or a part of a recipe, such as train."""
    from seqkit.plugins import registry
    from seqkit.schema import explain as explanation

    click.echo(explanation(registry(), name))


@click.command()
def schema() -> None:
    """Print the JSON Schema of recipes, with every installed plugin's stages."""
    import json

    from seqkit.plugins import registry
    from seqkit.schema import schema as recipe_schema

    click.echo(json.dumps(recipe_schema(registry()), indent=1, ensure_ascii=False))


def checked_recipe(
    recipe: str,
    settings: tuple[str, ...],
    data: str | None,
    *,
    files: bool = True,
    **given: str | None,
) -> Any:
    """Reads and checks a recipe with its overrides; gives it and its data folder."""
    from pathlib import Path

    from seqkit.recipe import data_folder, read_recipe

    overrides = overrides_of(settings, **given)
    folder = data_folder(Path(recipe), data)
    return read_recipe(Path(recipe), overrides, data=folder if files else None), folder
