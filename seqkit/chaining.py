"""Runs a chain: trains the steps that are not trained, and saves all as one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqkit import storage
from seqkit.chain import FILE, Chain, Member, load_chain
from seqkit.errors import ModelError, RunError
from seqkit.experiment import Watch
from seqkit.links import ChainRecipe, Link, read_chain
from seqkit.loading import load
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
    line before each step. Raises RecipeError with every mistake before anything is trained, and
    RunError for a folder that holds another run.
    """
    chain = read_chain(Path(path), data)
    folder = Path(out) if out is not None else Path("runs") / chain.name
    refuse_other(folder)
    runs = []
    for link in chain.links:
        say(f"step {link.name}" + (f": {link.model}" if link.model else ""))
        if link.model is None:
            place = folder / "steps" / link.name
            options = {"device": device, "fresh": fresh, "sample": sample, "watch": watch}
            runs.append(execute(link.recipe, link.data, out=place, **options))  # type: ignore[arg-type]  # one dict
    save(built(chain, folder), folder / "pipeline")
    return ChainRun(folder, runs, chain.inputs)


def refuse_other(folder: Path) -> None:
    """Raises RunError where a folder holds something else than a chain's run."""
    if (folder / "run.json").exists():
        raise RunError(f"{folder}: holds the run of a single recipe. Give the chain another --out.")
    saved = folder / "pipeline"
    if saved.exists() and not (saved / FILE).exists():
        raise RunError(f"{saved}: is not the model of a chain. Give the chain another --out.")


def built(chain: ChainRecipe, folder: Path) -> Chain:
    """The chain of trained pipelines."""

    def member(link: Link) -> Member:
        pipeline = load(link.model or folder / "steps" / link.name)
        return Member(link.name, pipeline, link.reads, link.gives)

    return Chain(chain.name, [member(link) for link in chain.links])


def save(chain: Chain, place: Path) -> None:
    """Saves a chain where the place does not hold just that."""
    files = chain.files()
    if not (place.exists() and kept(place) == files):
        storage.write_folder(place, files)


def kept(place: Path) -> dict[str, bytes] | None:
    """The files of a saved chain, or None where one is damaged."""
    try:
        return storage.read_folder(place)
    except ModelError:
        return None
