"""seqkit's own commands. Each parses, calls and prints; the work is elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from seqkit.errors import SeqkitError


def setting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --set and --data, which several commands share."""
    data = click.option(
        "--data",
        metavar="DIR",
        help="Folder of the data files. Default: SEQKIT_DATA, then the recipe's folder.",
    )
    return click.option(
        "--set", "settings", metavar="A.B=C", multiple=True, help="Change a setting of the recipe."
    )(data(function))


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
@click.option("--fresh", is_flag=True, help="Start over, even if the run was begun or finished.")
def run(
    recipe: str,
    settings: tuple[str, ...],
    data: str | None,
    precision: str | None,
    seed: str | None,
    **options: Any,
) -> None:
    """Run a recipe to its end, or go on with a run that was interrupted."""
    checked, folder = checked_recipe(recipe, settings, data, precision=precision, seed=seed)
    from rich.console import Console

    from seqkit.display import show_run, watcher
    from seqkit.runs import execute

    finished = execute(checked, folder, watch=watcher(sys.stderr), **options)
    show_run(finished, Console())


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
    checked, _ = checked_recipe(recipe, settings, data, files=not no_data)
    click.echo(f"{recipe}: {checked.name} is in order")


@click.command()
@click.argument("model", type=click.Path())
@click.argument("file", type=click.Path(allow_dash=True), default="-")
@click.option("--as", "source", metavar="SOURCE", help="Read FILE by this source.")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps.")
def predict(model: str, file: str, source: str | None, device: str) -> None:
    """Answer each text of FILE (- is standard input) with a line of JSON.

    MODEL is a run or a pipeline folder. FILE is one text a line, or .jsonl whose keys are input
    names.
    """
    from seqkit.pipeline import load
    from seqkit.prediction import examples_in, lines
    from seqkit.runs import pick_device

    pipeline = load(model).to(pick_device(device))
    with opened(file) as stream:
        for line in lines(pipeline, examples_in(pipeline, stream, file, source)):
            click.echo(line)


@click.command()
@click.argument("model", type=click.Path())
@click.option("--on", "file", required=True, type=click.Path(), help="A file with gold.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps.")
def evaluate(model: str, file: str, as_json: bool, device: str) -> None:
    """Score MODEL on a file that its recipe's own source reads."""
    from seqkit.display import print_scores
    from seqkit.pipeline import load
    from seqkit.runs import pick_device, score_file

    print_scores(score_file(load(model).to(pick_device(device)), file), as_json)


@click.command()
@click.argument("model", type=click.Path())
@click.argument("text")
@click.option("--gold", metavar="JSON", help="Gradients of the loss against this, not the answer.")
@click.option(
    "--pieces", type=click.IntRange(min=1), default=40, metavar="N", help="Only the first N (40)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, of all pieces.")
def inspect(model: str, text: str, gold: str | None, pieces: int, as_json: bool) -> None:
    """Show what went on in MODEL's encoders at each piece of TEXT, gradients too.

    TEXT is JSON where the model takes several inputs, or numbers.

    Example: seqkit inspect runs/pos-ewt "Time flies like an arrow" --pieces 20
    """
    from seqkit import inspection
    from seqkit.heatmap import print_inspection
    from seqkit.pipeline import load

    pipeline = load(model)
    wanted = None if gold is None else inspection.read_json(gold, "--gold")
    found = inspection.inspect(pipeline, inspection.read_given(pipeline, text), wanted)
    print_inspection(found, pieces, as_json)


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


def overrides_of(settings: tuple[str, ...], **given: str | None) -> dict[str, str]:
    """The texts of --set by path, and after them what other options set of `train`."""
    pairs = [pair.partition("=") for pair in settings]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise SeqkitError(f"--set {wrong[0]}: has no '='. Write --set a.b=value.")
    overrides = {name: value for name, _, value in pairs}
    return overrides | {f"train.{name}": text for name, text in given.items() if text is not None}


def opened(file: str) -> Any:
    """A file or standard input, as bytes. Raises SeqkitError where it cannot be read."""
    try:
        return click.open_file(file, "rb")
    except OSError as error:
        raise SeqkitError(f"{file}: cannot be read ({error.strerror}). Name a file.") from error


OWN = (run, compare, check, predict, evaluate, inspect, plugins, explain, schema)
"""The commands in the order of the help page."""
