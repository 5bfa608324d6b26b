"""`seqkit spacy export`: a saved model as the folder of a spaCy pipeline."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqkit import storage
from seqkit.errors import ModelError, SeqkitError, nearest

if TYPE_CHECKING:
    from spacy.language import Language

    from seqkit.abilities import Form

COMPONENTS = {
    "words": "seqkit_tagger",
    "spans": "seqkit_ner",
    "label": "seqkit_textcat",
    "labels": "seqkit_textcat",
    "text": "seqkit_translator",
}
"""By what answers are, the component that puts them where spaCy's users look."""
WHOLE = "seqkit_pipeline"
TRAINED = "Trained by seqkit, recipe"
"""How the description of an exported pipeline begins."""
BY_SENTENCE = ("seqkit_tagger", "seqkit_ner", "seqkit_translator")
README = """\
# {name}

A spaCy pipeline around a model that seqkit has trained by the recipe `{recipe}`.

    pip install "{requirement}"

```python
import spacy

nlp = spacy.load("{name}")  # once it is installed, or the path of this folder
doc = nlp("A text of yours.")
```

Without seqkit, `spacy.load` says that it can't find the factory `{component}`.

| | |
|---|---|
| components | {components} |
| labels | {labels} |
{scores}
To make a wheel of this folder: `python -m spacy package THIS_FOLDER OUT --build wheel`.
"""


@click.group()
def spacy() -> None:
    """Take models to spaCy."""


@spacy.command()
@click.argument("model", type=click.Path())
@click.argument("out", type=click.Path())
@click.option("--lang", default="xx", help="The language, as spaCy calls it (xx: any).")
@click.option("--name", help="The pipeline's name. Default: that of the recipe.")
@click.option(
    "--component",
    "components",
    multiple=True,
    help="A component to make of the model. Default: what its answers ask for.",
)
@click.option("--no-sentences", is_flag=True, help="Add no sentencizer: texts are read whole.")
def export(
    model: str,
    out: str,
    lang: str,
    name: str | None,
    components: tuple[str, ...],
    no_sentences: bool,
) -> None:
    """Write MODEL, a run or a pipeline folder, to OUT as a pipeline that spacy.load reads.

    Example: seqkit spacy export runs/ner-conll2003 ner-en --lang en
    """
    from seqkit.loading import load

    place = Path(out)
    refuse(place)
    pipeline = load(model)
    chosen = list(components) or fitting(pipeline.forms())
    nlp = exported(model, lang, chosen, sentences=not no_sentences)
    recipe, scores = pipeline.recipe.name, scores_of(Path(model))
    nlp.meta.update(meta_of(name or recipe, recipe, scores))
    nlp.to_disk(place)
    storage.write_file(place / "README.md", readme_of(nlp, recipe, scores).encode())
    click.echo(f"{out}: {', '.join(nlp.pipe_names)}. Load it: spacy.load({out!r})")
    click.echo(f"Make a wheel of it: python -m spacy package {out} wheels --build wheel")


def refuse(place: Path) -> None:
    """Raises ModelError where a folder holds anything but what was exported to it before."""
    if place.exists() and (not place.is_dir() or os.listdir(place)) and not exported_to(place):
        raise ModelError(f"{place}: holds something else. Name a new folder.")


def exported_to(place: Path) -> bool:
    """Whether a folder holds a pipeline that was exported."""
    try:
        meta = json.loads((place / "meta.json").read_bytes())
        return str(meta["description"]).startswith(TRAINED)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def exported(model: str, lang: str, components: Sequence[str], *, sentences: bool) -> Language:
    """A pipeline with components around a model. Raises SeqkitError."""
    import spacy as spacys

    from seqkit_spacy.languages import unknown

    if unknown(lang):
        raise SeqkitError(f"--lang: {unknown(lang)}")
    nlp = spacys.blank(lang)
    if sentences and any(one in BY_SENTENCE for one in components):
        nlp.add_pipe("sentencizer")
    for one in components:
        if one not in {*COMPONENTS.values(), WHOLE}:
            raise SeqkitError(f"--component {one}: {nearest(one, {*COMPONENTS.values(), WHOLE})}")
        pipe: Any = nlp.add_pipe(one)
        pipe.initialize(model_path=model)
    return nlp


def fitting(forms: Mapping[str, Form]) -> list[str]:
    """The components for answers of these forms, each once."""
    return list(dict.fromkeys(COMPONENTS[form.value] for form in forms.values())) or [WHOLE]


def meta_of(name: str, recipe: str, scores: Mapping[str, Any]) -> dict[str, Any]:
    """What spaCy keeps about a pipeline."""
    needs = requirement()
    return {
        "name": name.replace("-", "_").replace(".", "_"),
        "version": "0.0.0",
        "description": f'{TRAINED} {recipe}. Needs: pip install "{needs}"',
        "requirements": [needs],
        "performance": dict(scores),
    }


def requirement() -> str:
    """What a pipeline needs installed: this version of seqkit, or one that reads its models."""
    from seqkit import __version__

    major, minor, *_ = __version__.split(".")
    return f"seqkit>={__version__},<{major}.{int(minor) + 1}.0"


def scores_of(run: Path) -> dict[str, float]:
    """The scores of a run's test split, or of dev; none of a folder without a run around it."""
    try:
        metrics = json.loads((run / "metrics.json").read_bytes())
    except (OSError, ValueError):
        return {}
    found = metrics.get("test") or metrics.get("dev") or {}
    return {name: round(score["value"], 4) for name, score in found.items()}


def readme_of(nlp: Language, recipe: str, scores: Mapping[str, float]) -> str:
    """A page that says what the pipeline is and what it needs."""
    own = [name for name in nlp.pipe_names if name != "sentencizer"]
    labels = [label for name in own for label in nlp.pipe_labels.get(name, [])]
    return README.format(
        name=f"{nlp.lang}_{nlp.meta['name']}",
        recipe=recipe,
        requirement=requirement(),
        component=own[0],
        components=", ".join(f"`{name}`" for name in nlp.pipe_names),
        labels=", ".join(f"`{label}`" for label in labels) or "none",
        scores="".join(f"| {name} | {value} |\n" for name, value in scores.items()),
    )
