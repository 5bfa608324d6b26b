"""`seqkit compose`: a sampled continuation as a MIDI file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from seqkit import storage
from seqkit.errors import ModelError
from seqkit_music.keyboard import KEYS, notes_of

if TYPE_CHECKING:
    from seqkit.pipeline import Pipeline


@click.command()
@click.argument("model", type=click.Path())
@click.argument("out", type=click.Path(dir_okay=False))
@click.option("--prompt", type=click.Path(), help="A MIDI file to go on from. Default: silence.")
@click.option("--steps", default=100, type=click.IntRange(1), help="How many steps to make up.")
@click.option(
    "--temperature",
    default=1.0,
    type=click.FloatRange(0.0),
    help="Above 1 more daring, below 1 less; 0 takes what is likelier than not.",
)
@click.option(
    "--together", type=click.IntRange(1, KEYS), help="So many notes at once at most. Default: any."
)
@click.option("--seed", default=1, type=click.IntRange(0, 2**32 - 1), help="Of what is drawn.")
@click.option(
    "--tempo", default=120.0, type=click.FloatRange(4.0, 960.0), help="Beats (quarters) a minute."
)
@click.option(
    "--step", type=click.FloatRange(0.01), help="Beats of a step. Default: as the recipe's data."
)
@click.option("--struck", is_flag=True, help="Strike a note at each of its steps, not hold it.")
@click.option("--without-prompt", is_flag=True, help="Write the continuation alone.")
def compose(
    model: str,
    out: str,
    prompt: str | None,
    steps: int,
    temperature: float,
    together: int | None,
    seed: int,
    tempo: float,
    step: float | None,
    struck: bool,
    without_prompt: bool,
) -> None:
    """Write music that MODEL, a run or a pipeline folder, makes up to OUT, a MIDI file.

    Example: seqkit compose runs/music-jsb chorale.mid --prompt theme.mid --together 4
    """
    from seqkit.loading import load
    from seqkit_music.midi_library import library
    from seqkit_music.midi_reading import midi_roll
    from seqkit_music.midi_writing import midi_bytes
    from seqkit_music.sampling import continuation

    library()
    pipeline = load(model)
    beats = step or step_of(pipeline)
    begun = midi_roll(Path(prompt), beats) if prompt else np.zeros((0, KEYS), np.uint8)
    made = continuation(
        pipeline, begun, steps, temperature=temperature, together=together, seed=seed
    )
    whole = made if without_prompt else np.concatenate([begun, made])
    storage.write_file(Path(out), midi_bytes(whole, beats, tempo=tempo, struck=struck))
    sounding = sum(map(len, notes_of(made))) / steps
    click.echo(
        f"{out}: {steps:,} steps ({beats:g} beats each) after {len(begun):,} of the prompt, "
        f"{sounding:.1f} notes at a step"
    )


def step_of(pipeline: Pipeline) -> float:
    """Beats of a step, by the source that the model was trained on. Raises ModelError."""
    data = pipeline.recipe.data
    found = data.source.settings.get("step") if data else None
    if not isinstance(found, int | float):
        raise ModelError(
            f"{pipeline.recipe.name}: its data do not say how many beats a step has. Give --step."
        )
    return float(found)
