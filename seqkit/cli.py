"""The command line: it parses, calls and prints; the work is elsewhere."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from seqkit import __version__
from seqkit.errors import PluginError, SeqkitError

COMMANDS = "seqkit.commands"


class Commands(click.Group):
    """seqkit's own commands, and those of plugins, which are imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Own commands first, then plugins'."""
        return [*super().list_commands(ctx), *sorted(foreign())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in foreign():
            return own
        entry = foreign()[cmd_name]
        try:
            command = entry.load()
        except Exception as error:  # whatever a foreign module raises has an owner
            from seqkit.plugins import describe

            raise PluginError(
                f"command '{cmd_name}' of {owner(entry)}: {describe(error)}"
            ) from error
        if not isinstance(command, click.Command):
            raise PluginError(f"command '{cmd_name}' of {owner(entry)}: is no click command.")
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  click gives it
        formatter: click.HelpFormatter,
    ) -> None:
        """Lists plugins' commands by the name of their distribution, without importing them."""
        own = [(name, self.commands[name].get_short_help_str(80)) for name in self.commands]
        others = [(name, f"from {owner(entry)}") for name, entry in sorted(foreign().items())]
        with formatter.section("Commands"):
            formatter.write_dl(own + others)


def foreign() -> dict[str, EntryPoint]:
    """The commands of plugins, from metadata; none takes the place of seqkit's own."""
    found = entry_points(group=COMMANDS)
    return {entry.name: entry for entry in found if entry.name not in cli.commands}


def owner(entry: EntryPoint) -> str:
    """The distribution that a command comes from."""
    return entry.dist.name if entry.dist else "a plugin"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seqkit")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--strict-plugins", is_flag=True, help="End at the first plugin that is broken.")
def cli(debug: bool, strict_plugins: bool) -> None:
    """Sequence pipelines from plugins: recipes in YAML, models that are exact, fast and small."""
    if debug:
        os.environ["SEQKIT_DEBUG"] = "1"
    if strict_plugins:
        os.environ["SEQKIT_STRICT_PLUGINS"] = "1"


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


@cli.command()
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


@cli.command()
@click.argument("recipe", type=click.Path())
@setting
@click.option("--no-data", is_flag=True, help="Do not look for the data files.")
def check(recipe: str, settings: tuple[str, ...], data: str | None, no_data: bool) -> None:
    """Check a recipe: every mistake with its line and column, before anything loads."""
    checked, _ = checked_recipe(recipe, settings, data, files=not no_data)
    click.echo(f"{recipe}: {checked.name} is in order")


@cli.command()
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


@cli.command()
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


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(as_json: bool) -> None:
    """List the plugins: distribution, version, stages, import time, state, last error."""
    from seqkit.listing import plugin_table, plugins_json
    from seqkit.plugins import registry

    click.echo(plugins_json(registry()) if as_json else plugin_table(registry()))


@cli.command()
@click.argument("name")
def explain(name: str) -> None:
    """Explain a stage, such as encode.bilstm, or a part of a recipe, such as train."""
    from seqkit.plugins import registry
    from seqkit.schema import explain as explanation

    click.echo(explanation(registry(), name))


@cli.command()
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

    pairs = [pair.partition("=") for pair in settings]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise SeqkitError(f"--set {wrong[0]}: has no '='. Write --set a.b=value.")
    overrides = {name: value for name, _, value in pairs}
    overrides |= {f"train.{name}": value for name, value in given.items() if value is not None}
    folder = data_folder(Path(recipe), data)
    return read_recipe(Path(recipe), overrides, data=folder if files else None), folder


def opened(file: str) -> Any:
    """A file or standard input, as bytes. Raises SeqkitError where it cannot be read."""
    try:
        return click.open_file(file, "rb")
    except OSError as error:
        raise SeqkitError(f"{file}: cannot be read ({error.strerror}). Name a file.") from error


def main() -> None:
    """Runs the command line: a mistake is one line and exit code 2, a failure one line and 1."""
    try:
        code = cli.main(prog_name="seqkit", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        fail(f"{context.command_path if context else 'seqkit'}: {error.format_message()}", 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except SeqkitError as error:
        fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        whole = " Nothing half-written is left." if error.filename else ""
        fail(f"{named}{error.strerror or error}.{whole}", 1)
    except BaseException as error:  # panics of native code are no Exception
        if isinstance(error, SystemExit):
            raise
        said = " ".join(str(error).split())
        fail(f"{type(error).__name__}: {said}. See it whole with `seqkit --debug`.", 1)


def fail(message: str, code: int) -> None:
    """Prints an error and ends; with --debug, the traceback too."""
    if os.environ.get("SEQKIT_DEBUG"):
        traceback.print_exc()
    click.echo(message, err=True)
    sys.exit(code)
