"""`seqkit adapt`: scores a language model that goes on learning from what it reads."""

from __future__ import annotations

import click


@click.command()
@click.argument("model", type=click.Path())
@click.option("--on", "file", required=True, type=click.Path(), help="The text to read.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=0.1,
    help="Of gradient descent; choose it on dev.",
)
@click.option("--window", type=click.IntRange(min=1), default=20, help="Pieces for each update.")
@click.option(
    "--clip",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    help="The largest norm of a gradient.",
)
@click.option(
    "--back",
    type=click.FloatRange(min=0, max=1),
    default=0.001,
    help="How far each update goes back to the weights as trained.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps.")
def adapt(
    model: str,
    file: str,
    rate: float,
    window: int,
    clip: float,
    back: float,
    as_json: bool,
    device: str,
) -> None:
    """Score a language model on a text from which it goes on learning (dynamic evaluation).

    Every piece is scored before anything is learnt from it. MODEL, a run or a pipeline folder, is
    not changed.

    Example: seqkit adapt runs/lm-ptb --on ptb.valid.txt --rate 0.3
    """
    from seqkit.answers import file_examples
    from seqkit.display import print_scores
    from seqkit.evaluation import scores
    from seqkit.loading import load
    from seqkit.machine import pick_device
    from seqkit_language.adapting import Adapting, adapted
    from seqkit_language.language_decoder import language_decoder

    pipeline = load(model).to(pick_device(device))
    language_decoder(pipeline, "adapt", model)
    examples = file_examples(pipeline, file)
    found = list(adapted(pipeline, examples, Adapting(rate, window, clip, back)))
    told = f"rate {rate:g}, window {window}, clip {clip:g}, back {back:g}, {pipeline.device}"
    print_scores(scores(pipeline.recipe, found), {}, [f"learnt while reading: {told}"], as_json)
