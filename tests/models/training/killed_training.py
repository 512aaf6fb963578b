"""A training in a process of its own that is killed when its log says so."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from models.config.experiment import Experiment, ExperimentConfig

PROGRAM = """
import json, os, signal, sys
from pathlib import Path
import pandas as pd
from models.config.experiment import ExperimentConfig
from models.inputs.feature_reader import ExampleParts
from models.training.record import TrainingData
from models.training.train import train

job = json.loads(sys.stdin.read())

def log(line):
    if job["die_at"] in line:
        os.killpg(0, signal.SIGKILL)

config = ExperimentConfig.model_validate_json(job["config"])
train(
    job["experiment"],
    config,
    ExampleParts(
        audio_features=tuple(job["audio"]),
        midi_tokens=tuple(job["midi"]),
        audio=config.audio_features,
        tokens=config.midi_encoder.tokens,
    ),
    pd.read_parquet(job["samples"]),
    Path(job["out_dir"]),
    pretrained_dir=None,
    data=TrainingData(corpus="demo", tables={}),
    log=log,
    on_epoch=lambda record: None,
)
"""


def train_and_die(
    experiment: Experiment, config: ExperimentConfig, corpus, out_dir: Path, die_at: str
) -> None:
    """Train, and kill (SIGKILL) that process and its children when the log says `die_at`."""
    samples = out_dir.with_suffix(".samples.parquet")
    corpus.samples.to_parquet(samples)
    job = {
        "experiment": experiment,
        "config": config.model_dump_json(),
        "audio": corpus.parts.audio_features,
        "midi": corpus.parts.midi_tokens,
        "samples": str(samples),
        "out_dir": str(out_dir),
        "die_at": die_at,
    }
    died = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(job).encode(),
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
