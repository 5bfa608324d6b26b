"""The command line: seqkit's commands and those of plugins, and how mistakes are told."""

from __future__ import annotations

import os
import sys
import traceback
from importlib.metadata import EntryPoint, entry_points

import click

from seqkit import __version__, commands, model_commands
from seqkit.errors import PluginError, SeqkitError

COMMANDS = "seqkit.commands"
OWN = (
    commands.run,
    commands.compare,
    commands.check,
    commands.data,
    model_commands.predict,
    model_commands.evaluate,
    model_commands.diff,
    model_commands.report,
    model_commands.inspect,
    commands.plugins,
    commands.explain,
    commands.schema,
)
"""seqkit's own commands, in the order of the help page."""


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


for command in OWN:
    cli.add_command(command)


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
