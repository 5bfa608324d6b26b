"""Set-up for all tests: shapes in annotations are checked, threads are few, caches are apart."""

from __future__ import annotations

import os

os.environ["SEQKIT_CHECK_SHAPES"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

from jaxtyping import install_import_hook

CHECKED = ["seqkit", "seqkit_data", "seqkit_dates", "seqkit_labels", "seqkit_recurrent", "seqkit_text"]
install_import_hook(CHECKED, "beartype.beartype")
