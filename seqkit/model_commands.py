"""The commands on what is trained. Each parses, calls and prints; the work is elsewhere."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import click

from seqkit.errors import SeqkitError
from seqkit.options import changing, overrides_of


@click.command()
@click.argument("model", type=click.Path())
@click.argument("file", type=click.Path(allow_dash=True), default="-")
@click.option("--as", "source", metavar="SOURCE", help="Read FILE by this source.")
@changing
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps.")
def predict(
    model: str, file: str, source: str | None, settings: tuple[str, ...], device: str
) -> None:
    """Answer each text of FILE (- is standard input) with a line of JSON.

    MODEL is a run or a pipeline folder, or those of a chain. FILE is one text a line, or .jsonl
    whose keys are input names.

    Example: seqkit predict runs/translate-multi30k-ende texts.txt --set decode.search.size=1
    """
    from seqkit.chain import is_saved_chain, load_chain
    from seqkit.loading import load_changed
    from seqkit.machine import pick_device
    from seqkit.prediction import chain_lines, examples_in, lines

    chosen = pick_device(device)
    if is_saved_chain(model) and source:
        raise SeqkitError(f"--as {source}: a chain reads texts, a line each. Leave it out.")
    if is_saved_chain(model) and settings:
        raise SeqkitError(f"--set {settings[0]}: a chain has no settings. Leave it out.")
    # a source opens what it reads itself, which may be a folder
    with nullcontext([]) if source else opened(file) as stream:
        if is_saved_chain(model):
            found = chain_lines(load_chain(model).to(chosen), stream, file)
        else:
            pipeline = load_changed(model, texts=overrides_of(settings)).to(chosen)
            found = lines(pipeline, examples_in(pipeline, stream, file, source))
        for line in found:
            click.echo(line)


@click.command()
@click.argument("model", type=click.Path())
@click.option("--on", "file", required=True, type=click.Path(), help="A file with gold.")
@click.option("--tables", "with_tables", is_flag=True, help="Show scores by label and confusions.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@changing
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps.")
def evaluate(
    model: str,
    file: str,
    with_tables: bool,
    as_json: bool,
    settings: tuple[str, ...],
    device: str,
) -> None:
    """Score MODEL on a file that its recipe's own source reads."""
    from seqkit.answers import answered, file_examples
    from seqkit.display import print_scores
    from seqkit.doctor import remarks
    from seqkit.evaluation import beside_baselines, tables
    from seqkit.loading import load_changed
    from seqkit.machine import pick_device

    pipeline = load_changed(model, texts=overrides_of(settings)).to(pick_device(device))
    examples = file_examples(pipeline, file)
    every = answered(pipeline, examples)
    shown = tables(pipeline.recipe, every) if with_tables else {}
    found = beside_baselines(pipeline, examples, every)
    print_scores(found, shown, remarks(pipeline, examples, "test"), as_json)


@click.command()
@click.argument("run", type=click.Path())
@click.argument("other", type=click.Path())
@click.option("--split", default="test", help="dev or test (test).")
@click.option(
    "--limit", type=click.IntRange(min=0), default=10, metavar="N", help="Examples each way (10)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, of all examples that changed.")
def diff(run: str, other: str, split: str, limit: int, as_json: bool) -> None:
    """Show which answers are right in OTHER and wrong in RUN, and the other way round.

    Both are finished runs on the same data. An answer is right where it is gold as a whole.

    Example: seqkit diff runs/pos-ewt runs/pos-ewt-2 --split dev
    """
    from pathlib import Path

    from seqkit.changes import changes
    from seqkit.contrast import print_changes
    from seqkit.runs import read_run

    found = changes(read_run(Path(run)), read_run(Path(other)), split)
    print_changes(found, limit, as_json)


@click.command()
@click.argument("run", type=click.Path())
@click.option("--out", metavar="FILE", help="Where it is written. Default: RUN/report.html.")
def report(run: str, out: str | None) -> None:
    """Write all that is known of a finished RUN as one HTML page."""
    from pathlib import Path

    from seqkit.report import write_report
    from seqkit.runs import read_run

    click.echo(write_report(read_run(Path(run)), None if out is None else Path(out)))


@click.command()
@click.argument("model", type=click.Path())
@click.argument("text")
@click.option("--gold", metavar="JSON", help="Gradients of the loss against this, not the answer.")
@click.option(
    "--pieces", type=click.IntRange(min=1), default=40, metavar="N", help="Only the first N (40)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, of all pieces.")
@click.option("--svg", metavar="FILE", help="Also draw where the decoder looked.")
def inspect(
    model: str, text: str, gold: str | None, pieces: int, as_json: bool, svg: str | None
) -> None:
    """Show what went on in MODEL's encoders at each piece of TEXT, gradients too.

    Of a decoder with attention, also where it looked at each piece that it wrote. TEXT is JSON
    where the model takes several inputs, or numbers; - is standard input.

    Example: seqkit inspect runs/pos-ewt "Time flies like an arrow" --pieces 20
    """
    from seqkit import inspection
    from seqkit.heatmap import draw_attention, print_inspection
    from seqkit.loading import load

    if text == "-":
        text = opened(text).read().decode(errors="replace").rstrip("\r\n")
    pipeline = load(model)
    wanted = None if gold is None else inspection.read_json(gold, "--gold")
    found = inspection.inspect(pipeline, inspection.read_given(pipeline, text), wanted)
    if svg is not None:
        draw_attention(found, svg)
    print_inspection(found, pieces, as_json)


def opened(file: str) -> Any:
    """A file or standard input, as bytes. Raises SeqkitError where it cannot be read."""
    try:
        return click.open_file(file, "rb")
    except OSError as error:
        raise SeqkitError(f"{file}: cannot be read ({error.strerror}). Name a file.") from error
