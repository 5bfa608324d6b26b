"""JoeyNMT's recurrent translator at the sizes of translator.py, with input feeding: training."""

from __future__ import annotations

import re
import runpy
import statistics
import sys
from pathlib import Path

from measuring import Measured

UPDATES, EVERY = 12, 4
SPEED = re.compile(r"Tokens per Sec: *([\d.]+)")
TRAIN = """
name: benchmark
data:
  train: {texts}/train
  dev: {texts}/val
  test: {texts}/val
  dataset_type: plain
  src: {{lang: en, max_length: 200, level: word, voc_file: {place}/en.txt}}
  trg: {{lang: de, max_length: 200, level: word, voc_file: {place}/de.txt}}
training:
  random_seed: 1
  optimizer: adam
  learning_rate: 0.001
  scheduling: exponential
  clip_grad_norm: 5.0
  batch_size: 80
  batch_type: sentence
  epochs: 1
  updates: {updates}
  validation_freq: 100000
  logging_freq: {every}
  model_dir: {place}/model
  overwrite: true
  shuffle: true
  use_cuda: false
testing: {{n_best: 1, beam_size: 1, batch_size: 80, batch_type: sentence, max_output_length: 14}}
model:
  initializer: xavier_uniform
  tied_embeddings: false
  tied_softmax: false
  encoder:
    {{type: recurrent, rnn_type: lstm, embeddings: {{embedding_dim: 256}}, hidden_size: 256,
     bidirectional: true, dropout: 0.3, num_layers: 1}}
  decoder:
    {{type: recurrent, rnn_type: lstm, embeddings: {{embedding_dim: 256}}, hidden_size: 512,
     dropout: 0.3, hidden_dropout: 0.3, num_layers: 1, input_feeding: true, init_hidden: last,
     attention: luong}}
"""


def translate(texts: Path, place: Path) -> Measured:
    """Trains for some updates; the median of its log's speeds, but for the first."""
    place.mkdir(parents=True, exist_ok=True)
    for side in ("en", "de"):
        pieces = set((texts / f"train.{side}").read_text(encoding="utf-8").split())
        listed = "".join(f"{piece}\n" for piece in sorted(pieces))
        (place / f"{side}.txt").write_text(listed, encoding="utf-8")
    settings = place / "train.yaml"
    settings.write_text(
        TRAIN.format(texts=texts, place=place, updates=UPDATES, every=EVERY), encoding="utf-8"
    )
    sys.argv = ["joeynmt", "train", str(settings), "--skip-test"]
    runpy.run_module("joeynmt", run_name="__main__")
    log = (place / "model" / "train.log").read_text(encoding="utf-8")
    return {"train": statistics.median(list(map(float, SPEED.findall(log)))[1:])}
