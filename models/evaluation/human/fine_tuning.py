"""Fine-tuning a MIDI model on ratings: what training on damage is worth as a start."""

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from degradation.notes import Performance
from degradation.seeds import digest_int, stream
from models.config.experiment import ExperimentConfig
from models.config.human_validation import FineTuningConfig, HumanValidationConfig
from models.device import torch_threads
from models.evaluation.human.document import FineTuning, HeldOut, NoFineTuning, StartName
from models.evaluation.human.grading import clip_windows
from models.evaluation.human.held_out import (
    Indices,
    gain_within,
    judge_held_out,
    predict_baseline,
    predict_held_out,
)
from models.inference.predict import batches_of, predict, window_features
from models.inference.trained_model import TrainedModel
from models.inputs.batch import Example, collate
from models.inputs.feature_reader import Features
from models.networks.network import GradingNetwork
from models.training.pretraining.encoder import load_pretrained
from storage.corpus import CorpusConfig
from storage.percepiano import SCALES, Clip

FloatArray = NDArray[np.float64]

Start = Callable[[], GradingNetwork]
"""Makes the `midi_only` network that a training begins with; weights without a source are drawn."""


def predict_fine_tuned(
    start: Start,
    config: ExperimentConfig,
    corpus: CorpusConfig,
    performances: Sequence[Performance],
    ratings: FloatArray,
    groups: Sequence[str],
    tuning: FineTuningConfig,
    *,
    seed: int,
) -> FloatArray:
    """Return ratings predicted by `midi_only` fine-tuned on other groups, (clips, 19).

    All starts see the same windows in the same order: in each epoch one of each clip, cut as
    `corpus` says. A prediction is the mean over all windows. On the CPU.
    """
    windows = [_windows(performance, config, corpus) for performance in performances]

    def fit(learn: Indices, held_out: Indices) -> FloatArray:
        centre, scale = ratings[learn].mean(axis=0), ratings[learn].std(axis=0) + 1e-6
        target = torch.from_numpy(((ratings - centre) / scale).astype(np.float32))
        runs = [
            _train(_network(start, seed + run), windows, target, learn, config, tuning, seed + run)
            for run in range(tuning.seeds)
        ]
        predicted = [_predict(network, windows, held_out, config, tuning) for network in runs]
        mean: FloatArray = np.mean(predicted, axis=0) * scale + centre
        return mean

    with torch_threads(config.torch_threads):
        return predict_held_out(groups, len(SCALES), fit)


def _windows(
    performance: Performance, config: ExperimentConfig, corpus: CorpusConfig
) -> list[Features]:
    """Return a clip's windows that hold a note."""
    windows = clip_windows(performance, corpus, None)
    return window_features([window for window in windows if not window.silent], config)


def starts_of(model: TrainedModel, pretrained_dir: Path | None) -> dict[StartName, Start]:
    """Return the starts of `midi_only`: its checkpoint, its pretrained encoder, random weights.

    The checkpoint had masked pretraining and training on damage, the pretrained encoder (none
    without `pretrained_dir`) the first alone, random weights neither.
    """

    def scratch() -> GradingNetwork:
        return GradingNetwork("midi_only", model.config)

    starts: dict[StartName, Start] = {"checkpoint": lambda: copy.deepcopy(model.network)}
    if pretrained_dir is not None:

        def pretrained() -> GradingNetwork:
            network = scratch()
            load_pretrained(network.midi_encoder, pretrained_dir)
            return network

        starts["pretrained"] = pretrained
    return {**starts, "scratch": scratch}


def _network(start: Start, seed: int) -> GradingNetwork:
    """Return a network whose last layer gives the 19 scales; all of it is trained on."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # torch layers draw their weights from its global generator
        network = start().cpu()
        network.head.replace_outputs(len(SCALES))
    return network


def _train(
    network: GradingNetwork,
    clips: Sequence[Sequence[Features]],
    target: Tensor,
    learn: Indices,
    config: ExperimentConfig,
    tuning: FineTuningConfig,
    seed: int,
) -> GradingNetwork:
    """Return the network after all epochs: AdamW, squared error, a cosine to zero."""
    rng = stream(seed, "fine_tuning", "order")
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=tuning.learning_rate, weight_decay=tuning.weight_decay
    )
    steps = tuning.epochs * -(-len(learn) // tuning.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(digest_int(str(seed), "fine_tuning", "dropout") % 2**63)
        network.train()
        for _ in range(tuning.epochs):
            for chosen in _batches(rng.permutation(learn), tuning.batch_size):
                drawn = [clips[at][int(rng.integers(len(clips[at])))] for at in chosen]
                batch = collate([Example(features=clip) for clip in drawn], config)
                loss = nn.functional.mse_loss(network(batch).standardised, target[chosen])
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                nn.utils.clip_grad_norm_(network.parameters(), config.training.gradient_norm_limit)
                optimizer.step()
                schedule.step()
    return network.eval()


def _predict(
    network: GradingNetwork,
    clips: Sequence[Sequence[Features]],
    indices: Indices,
    config: ExperimentConfig,
    tuning: FineTuningConfig,
) -> FloatArray:
    windows = [(at, window) for at in indices.tolist() for window in clips[at]]
    batches = batches_of([window for _, window in windows], config, tuning.batch_size)
    table = predict(network, batches, config.torch_threads).standardised.astype(np.float64)
    owner = np.array([at for at, _ in windows])
    return np.stack([table[owner == at].mean(axis=0) for at in indices])


def _batches(indices: Indices, size: int) -> Iterator[list[int]]:
    for first in range(0, len(indices), size):
        yield indices[first : first + size].tolist()


def compare_starts(
    model: TrainedModel | None,
    pretrained_dir: Path | None,
    clips: Sequence[Clip],
    features: FloatArray,
    known_works: tuple[str, ...],
    corpus: CorpusConfig,
    config: HumanValidationConfig,
) -> tuple[FineTuning | None, NoFineTuning | None]:
    """Return what training on damage is worth as a start, or the reason why it is not known.

    `clips`, with the baseline's `features`, are those that the model was not trained on.
    """
    works = [clip.work for clip in clips]
    if model is None:
        return None, "midi_only not trained"
    if len(set(works)) < 2:
        return None, "one work"
    ratings, passages = np.stack([c.means for c in clips]), [c.score_segment for c in clips]
    predicted = {
        name: predict_fine_tuned(
            start,
            model.config,
            corpus,
            [clip.performance for clip in clips],
            ratings,
            works,
            config.fine_tuning,
            seed=config.seed,
        )
        for name, start in starts_of(model, pretrained_dir).items()
    }
    gain_over: StartName = "pretrained" if "pretrained" in predicted else "scratch"
    gain, gain_interval = gain_within(
        ratings,
        predicted["checkpoint"],
        predicted[gain_over],
        passages,
        stream(config.seed, "fine_tuning", "gain"),
    )

    def judge(found: FloatArray, name: str) -> HeldOut:
        return judge_held_out(ratings, found, passages, stream(config.seed, "fine_tuning", name))

    baseline = predict_baseline(features, ratings, works, config.boosting, seed=config.seed)
    return FineTuning(
        clips=len(clips),
        works=tuple(sorted(set(works))),
        known_works=known_works,
        seeds=config.fine_tuning.seeds,
        starts={name: judge(found, name) for name, found in predicted.items()},
        baseline=judge(baseline, "baseline"),
        gain_over=gain_over,
        gain=gain,
        gain_interval=gain_interval,
    ), None
