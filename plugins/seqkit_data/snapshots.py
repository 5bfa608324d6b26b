"""Data sets of the Hugging Face Hub, from this machine's cache alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast, final

from seqkit.errors import DataError, nearest
from seqkit.stages import Row
from seqkit_data.classes import named

SPLITS = {"train": "train", "dev": "validation", "test": "test"}


@final
class HubDataset:
    """Reads a data set that `hf download` has fetched. It never asks the network.

    Raises DataError where the data set, the configuration or the split is not there.
    """

    def __init__(self, dataset: str, config: str | None, revision: str | None) -> None:
        self.dataset = dataset
        self.config = config
        self.revision = revision
        self.where = f"hub dataset '{dataset}'"

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the rows of a split, with class names in place of class numbers."""
        name = SPLITS.get(split, split) if place is None else str(place)
        tables = self.tables(self.snapshot())
        if name not in tables:
            raise DataError(f"{self.where}: no split '{name}'. {nearest(name, tables)}")
        features = tables[name].features.to_dict()
        for row in tables[name]:
            yield {field: named(value, features[field]) for field, value in row.items()}

    def snapshot(self) -> Path:
        """The folder of the fetched files."""
        from huggingface_hub import snapshot_download

        try:
            folder = snapshot_download(
                self.dataset, repo_type="dataset", revision=self.revision, local_files_only=True
            )
        except (OSError, ValueError):
            revision = f" --revision {self.revision}" if self.revision else ""
            raise DataError(
                f"{self.where}: not on this machine, or not whole. "
                f"Fetch it with `hf download {self.dataset} --repo-type dataset{revision}`."
            ) from None
        return Path(folder)

    def tables(self, folder: Path) -> Mapping[str, Any]:
        """The splits, each a memory-mapped `datasets.Dataset`."""
        import datasets

        try:
            self.refuse_web_files(folder / "README.md")
            options = datasets.DownloadConfig(local_files_only=True)
            config = self.config or datasets.get_dataset_default_config_name(str(folder))
            configs = datasets.get_dataset_config_names(str(folder), download_config=options)
            if config not in configs:
                wrong = f"no config '{config}'" if config else "config is not set"
                raise DataError(f"{self.where}: {wrong}. {nearest(config or '', configs)}")
            found = datasets.load_dataset(str(folder), config, download_config=options)
        except DataError:
            raise
        except Exception as error:  # the loaders of the many formats raise whatever they like
            wrong = " ".join(str(error).split()).rstrip(".")
            raise DataError(
                f"{self.where}: cannot be loaded ({type(error).__name__}: {wrong}). "
                "Check its files, config and revision."
            ) from error
        return cast("Mapping[str, Any]", found)

    def refuse_web_files(self, card: Path) -> None:
        """Raises DataError where the data set's card points at files elsewhere on the web."""
        from huggingface_hub import metadata_load

        configs = (metadata_load(card) or {}).get("configs") if card.is_file() else None
        for text in texts(configs):
            if "://" in text:
                raise DataError(
                    f"{self.where}: its data lie elsewhere, at {text}. "
                    "Download that file, and name it with another source."
                )


def texts(value: Any) -> Iterator[str]:
    """Yields every text inside a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from texts(item)
