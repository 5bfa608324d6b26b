"""OpenNMT-py's recurrent translator at the sizes of translator.py, with input feeding."""

from __future__ import annotations

import contextlib
import io
import os
import re
import statistics
import sys
from argparse import Namespace
from importlib import import_module
from pathlib import Path

import onmt.opts
from measuring import Measured, now
from onmt.utils.parse import ArgumentParser

UPDATES, EVERY, STEPS = 40, 10, 14
SPEED = re.compile(r"Step \d+/.*?([\d.]+)/ *([\d.]+) tok/s")
TRAIN = """
data:
  corpus: {{path_src: {texts}/train.en, path_tgt: {texts}/train.de}}
src_vocab: {place}/source.txt
tgt_vocab: {place}/target.txt
save_model: {place}/model
overwrite: true
encoder_type: brnn
decoder_type: rnn
rnn_type: LSTM
layers: 1
hidden_size: 512
word_vec_size: 256
global_attention: general
input_feed: 1
dropout: [0.3]
batch_type: sents
batch_size: 80
optim: adam
learning_rate: 0.001
max_grad_norm: 5
train_steps: {updates}
save_checkpoint_steps: {updates}
report_every: {every}
num_workers: 0
seed: 1
"""


def translate(texts: Path, place: Path) -> Measured:
    """Trains for some updates, then translates twice each way; the better pass counts."""
    # torch since 2.6 refuses OpenNMT's own checkpoints otherwise; this one was just written here.
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    place.mkdir(parents=True, exist_ok=True)
    settings = place / "train.yaml"
    settings.write_text(
        TRAIN.format(texts=texts, place=place, updates=UPDATES, every=EVERY), encoding="utf-8"
    )
    run("onmt.bin.build_vocab", "-config", settings, "-n_sample", -1, "-save_data", place / "data")
    log = run("onmt.bin.train", "-config", settings)
    speeds = [float(found[1]) for found in SPEED.findall(log)]
    found: Measured = {"train": statistics.median(speeds[1:])}
    for name, size in (("greedy", 1), ("beam", 5)):
        found[name] = sentences_a_second(texts, place, size)
    return found


def run(module: str, *arguments: object) -> str:
    """What one of OpenNMT's commands logs, run in this process."""
    sys.argv = [module, *map(str, arguments)]
    with contextlib.redirect_stderr(io.StringIO()) as said:
        import_module(module).main()
    return said.getvalue()


def sentences_a_second(texts: Path, place: Path, size: int) -> float:
    """The speed of translating without loading."""
    from onmt.inference_engine import InferenceEnginePY

    source = texts / "test_2016_flickr.en"
    engine = InferenceEnginePY(options(source, place, size))
    seconds = []
    for _ in range(2):
        started = now()
        engine.infer_file()
        seconds.append(now().wall - started.wall)
    engine.terminate()
    return len(source.read_text(encoding="utf-8").splitlines()) / min(seconds)


def options(source: Path, place: Path, size: int) -> Namespace:
    """What a translation is asked for."""
    parser = ArgumentParser()
    onmt.opts.translate_opts(parser)
    given = ["-model", f"{place}/model_step_{UPDATES}.pt", "-src", source]
    given += ["-output", place / f"beam-{size}.txt", "-beam_size", size, "-batch_size", 80]
    given += ["-batch_type", "sents", "-min_length", STEPS, "-max_length", STEPS]
    found: Namespace = parser.parse_args([str(part) for part in given])
    ArgumentParser._get_all_transform_translate(found)
    ArgumentParser._validate_transforms_opts(found)
    ArgumentParser.validate_translate_opts_dynamic(found)
    return found
