"""Sources: CoNLL-U, columns, tables, lines, folders, SQuAD, Parquet, the Hub's local cache."""

from __future__ import annotations

from seqkit.plugins import Register, hookimpl
from seqkit_data.deriving import derived, derived_rules
from seqkit_data.folding import folds, folds_rules
from seqkit_data.placing import (
    folders_files,
    nested_files,
    parallel_files,
    parquet_files,
    squad_files,
)
from seqkit_data.reading import (
    conll,
    conllu,
    csv,
    folders,
    hub,
    jsonl,
    labelled,
    parallel,
    parquet,
    squad,
    text,
    tsv,
)
from seqkit_data.rules import (
    conll_rules,
    encoding_rules,
    folders_rules,
    labelled_rules,
    parallel_rules,
    table_rules,
)


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the sources."""
    register.source("conllu", conllu, files=True)
    register.source("conll", conll, rules=conll_rules, files=True)
    register.source("jsonl", jsonl, files=True)
    register.source("csv", csv, rules=table_rules, files=True)
    register.source("tsv", tsv, rules=table_rules, files=True)
    register.source("text", text, rules=encoding_rules, files=True)
    register.source("labelled", labelled, rules=labelled_rules, files=True)
    register.source("parallel", parallel, rules=parallel_rules, files=parallel_files)
    register.source("folders", folders, rules=folders_rules, files=folders_files)
    register.source("parquet", parquet, files=parquet_files)
    register.source("squad", squad, files=squad_files)
    register.source("hub", hub)
    register.source("derived", derived, rules=derived_rules, files=nested_files)
    register.source("folds", folds, rules=folds_rules, files=nested_files)
