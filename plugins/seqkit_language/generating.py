"""`seqkit generate`: a language model goes on with a text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from seqkit.errors import SeqkitError

if TYPE_CHECKING:
    from seqkit.pipeline import Pipeline
    from seqkit.stages import Pieces, Search, Tokeniser

COUNT = click.IntRange(min=1)
ABOVE = click.FloatRange(min=0, min_open=True)
SHARE = click.FloatRange(min=0, max=1, min_open=True)
SEPARATOR = "-" * 20
"""Stands between the texts of several samples."""
AROUND = 8
"""Pieces by which a next one is joined to a text: more than a character has bytes."""


@click.command()
@click.argument("model", type=click.Path())
@click.option("--prompt", default="", help="The text to go on with. Default: a text's beginning.")
@click.option("--length", type=COUNT, default=100, help="Pieces at most.")
@click.option("--line", is_flag=True, help="Stop at the end of the line.")
@click.option("--temperature", type=ABOVE, help="Below 1, likely pieces are likelier.")
@click.option("--top-k", type=COUNT, help="Draw from so many of the likeliest pieces.")
@click.option("--top-p", type=SHARE, help="Draw from the likeliest with this probability together.")
@click.option("--samples", type=COUNT, help="How many texts are drawn.")
@click.option("--seed", type=click.IntRange(min=0), help="Of what is drawn.")
@click.option("--greedy", is_flag=True, help="Take the likeliest piece at each step.")
@click.option("--beam", type=COUNT, help="Search the likeliest text with so many hypotheses.")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps.")
def generate(
    model: str, prompt: str, length: int, line: bool, greedy: bool, device: str, **drawn: Any
) -> None:
    """Go on with a text, as the language model MODEL, a run or a pipeline folder, would.

    Pieces are drawn by their probability, and shown as they come.

    Example: seqkit generate runs/lm-shakespeare --prompt "To be, or " --temperature 0.8
    """
    from seqkit.loading import load
    from seqkit.machine import pick_device

    search = chosen_search(length, greedy, drawn)
    pipeline = load(model).to(pick_device(device))
    pieces = prompt_pieces(pipeline, prompt, model)
    read = prompt[: pieces.spans[-1, 1]]  # a space at its end is no piece of words
    shown = Shown(tokeniser_of(pipeline), pieces, read)
    texts = continued(pipeline, pieces, search, line, shown.piece if not drawn["samples"] else None)
    for number, strings in enumerate(texts):
        if number:
            click.echo(f"\n{SEPARATOR}")
            shown = Shown(tokeniser_of(pipeline), pieces, read)
        shown.rest(strings)
    click.echo()


def chosen_search(length: int, greedy: bool, drawn: Mapping[str, Any]) -> Search:
    """The registered search that the options ask for. Raises SeqkitError for two at once."""
    from seqkit.recipe import check_stage
    from seqkit.stages import Upstream

    given = {name: value for name, value in drawn.items() if value is not None}
    sampling = {name: value for name, value in given.items() if name != "beam"}
    others = ["--greedy"] * greedy + ["--beam"] * ("beam" in given)
    if len(others) > 1 or (others and sampling):
        options = [*others, *(f"--{name.replace('_', '-')}" for name in sampling)]
        raise SeqkitError(f"generate: {options[0]} excludes {options[1]}. Keep one of them.")
    settings: dict[str, Any] = {"ratio": 0.0, "more": length, "longest": length}
    names = {"top_k": "top", "top_p": "mass"}
    settings |= {names.get(name, name): value for name, value in sampling.items()}
    if greedy:
        settings["use"] = "greedy"
    elif others:
        settings |= {"use": "beam", "size": drawn["beam"]}
    else:
        settings["use"] = "sampling"
    found: Search = check_stage("search", settings).build(Upstream(width=0))
    return found


def tokeniser_of(pipeline: Pipeline) -> Tokeniser:
    """The tokeniser of the one text that is read."""
    return pipeline.tokenisers[pipeline.names[0]]


def prompt_pieces(pipeline: Pipeline, prompt: str, model: str) -> Pieces:
    """The prompt's pieces, without what a tokeniser puts behind its end.

    Raises SeqkitError for a model of another task, and for a prompt without a piece.
    """
    from dataclasses import replace

    from seqkit.stages import Pieces
    from seqkit_language.language_decoder import language_decoder

    decoder = language_decoder(pipeline, "generate", model)
    example = pipeline.input_example(prompt, "--prompt")
    pieces = example.inputs[pipeline.names[0]]
    assert isinstance(pieces, Pieces)
    kept = len(pieces)
    while kept > 1 and pieces.spans[kept - 1, 0] == pieces.spans[kept - 1, 1] >= len(prompt):
        kept -= 1
    if not kept:
        raise SeqkitError(
            "--prompt: the model needs a text to go on with. Give one that is not empty."
        )
    unknown = [string for string in pieces.strings[:kept] if string not in decoder.numbers]
    if unknown:
        click.echo(
            f"--prompt: {', '.join(map(repr, dict.fromkeys(unknown)))} is not known to the model, "
            "and read as the unknown piece.",
            err=True,
        )
    return replace(
        pieces,
        strings=list(pieces.strings[:kept]),
        spans=pieces.spans[:kept],
        words=pieces.words[:kept],
    )


def continued(
    pipeline: Pipeline,
    prompt: Pieces,
    search: Search,
    line: bool,
    heard: Callable[[str], None] | None = None,
) -> list[list[str]]:
    """The pieces that follow a prompt, the likeliest text first.

    line: whether a text ends with its line. heard: is told each piece as soon as it is chosen.
    """
    import torch

    from seqkit_language.continuing import Continuing
    from seqkit_language.language_decoder import UNKNOWN, LanguageDecoder
    from seqkit_language.line_pieces import END

    decoder = pipeline.network.decoder
    assert isinstance(decoder, LanguageDecoder)
    end = decoder.numbers.get(END, UNKNOWN) if line else UNKNOWN
    names = decoder.names
    tell = (lambda piece: heard(names[piece])) if heard else None
    pipeline.network.eval()
    writer = Continuing(pipeline, prompt, end, tell)
    with torch.inference_mode():
        (found,) = search.run(writer, writer.inputs(), {})
    return [[names[piece] for piece in answer["value"]] for answer in found]


class Shown:
    """A text on its way to the terminal, piece by piece.

    What one piece adds is told by the few before it, so that a long text costs no more a piece.
    """

    def __init__(self, tokeniser: Tokeniser, prompt: Pieces, text: str) -> None:
        self.tokeniser, self.strings = tokeniser, list(prompt.strings[-AROUND:])
        self.told, self.count = tokeniser.text(self.strings), 0
        click.echo(text, nl=False)

    def piece(self, string: str) -> None:
        """Shows what one more piece adds, once it is whole characters."""
        self.count += 1
        self.strings.append(string)
        text = self.tokeniser.text(self.strings)
        if text.startswith(self.told) and not text.endswith("\N{REPLACEMENT CHARACTER}"):
            click.echo(text[len(self.told) :], nl=False)
            sys.stdout.flush()
            self.strings = self.strings[-AROUND:]
            self.told = self.tokeniser.text(self.strings)

    def rest(self, strings: list[str]) -> None:
        """Shows the pieces that have not been shown yet."""
        for string in strings[self.count :]:
            self.piece(string)
