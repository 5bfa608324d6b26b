"""Runs a chain: trains the steps that are not trained, and saves all as one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqkit.chain import Chain, Joint, load_chain
from seqkit.experiment import Watch
from seqkit.links import ChainRecipe, Link, read_chain
from seqkit.pipeline import load
from seqkit.runs import Run, execute

Say = Callable[[str], None]


@dataclass(frozen=True)
class ChainRun:
    """A chain whose steps are trained. runs: of the steps that were trained in it."""

    folder: Path
    runs: Sequence[Run]
    inputs: Sequence[str]

    def load(self) -> Chain:
        """The chain."""
        return load_chain(self.folder)


def run_chain(
    path: str | Path,
    *,
    data: str | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    fresh: bool = False,
    sample: int | None = None,
    watch: Watch | None = None,
    say: Say = lambda _: None,
) -> ChainRun:
    """Runs a chain to its end, or goes on with one that was interrupted.

    data, device, fresh, sample: as for `seqkit.run`, for each step. out: steps are trained in
    `OUT/steps/NAME` (default: `runs/NAME`), and the chain is saved in `OUT/pipeline`. say: takes a
    line before each step. Raises RecipeError with every mistake before anything is trained.
    """
    chain = read_chain(Path(path), data)
    folder = Path(out) if out is not None else Path("runs") / chain.name
    runs = []
    for link in chain.links:
        say(f"step {link.name}" + (f": {link.model}" if link.model else ""))
        if link.model is None:
            place = folder / "steps" / link.name
            options = {"device": device, "fresh": fresh, "sample": sample, "watch": watch}
            runs.append(execute(link.recipe, link.data, out=place, **options))  # type: ignore[arg-type]  # one dict
    saved = folder / "pipeline"
    if not saved.exists() or not all(run.done_before for run in runs):
        built(chain, folder).save(saved)
    return ChainRun(folder, runs, chain.inputs)


def built(chain: ChainRecipe, folder: Path) -> Chain:
    """The chain of trained pipelines."""

    def joint(link: Link) -> Joint:
        return Joint(
            link.name, load(link.model or folder / "steps" / link.name), link.reads, link.gives
        )

    return Chain(chain.name, [joint(link) for link in chain.links])
