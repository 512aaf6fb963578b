"""Fine-tuning a MIDI model on ratings: what training on damage is worth as a start."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from degradation.seeds import digest_int, stream
from models.config.experiment import ExperimentConfig
from models.config.human_validation import FineTuningConfig, HumanValidationConfig
from models.device import torch_threads
from models.evaluation.human.document import FineTuning, HeldOut, NotCompared, StartName
from models.evaluation.human.grading import clip_windows, mean_by_clip
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
from models.training.checkpoint import load_pretrained
from storage.corpus import CorpusConfig
from storage.percepiano import SCALES, Clip

FloatArray = NDArray[np.float64]
ClipWindows = Sequence[Sequence[Features]]


def compare_starts(
    model: TrainedModel | None,
    pretrained_dir: Path | None,
    clips: Sequence[Clip],
    features: FloatArray,
    known_works: tuple[str, ...],
    corpus: CorpusConfig,
    config: HumanValidationConfig,
) -> tuple[FineTuning | None, NotCompared | None]:
    """Return what training on damage is worth as a start, or the reason why it is not known.

    `clips`, with the baseline's `features`, are those that the model was not trained on. Without
    `pretrained_dir` there is no start from a pretrained encoder.
    """
    works = [clip.work for clip in clips]
    if model is None:
        return None, "midi_only not trained"
    if len(set(works)) < 2:
        return None, "one work"
    ratings, passages = np.stack([c.means for c in clips]), [c.score_segment for c in clips]
    windows = [
        window_features(
            [cut for cut in clip_windows(clip.performance, corpus, None) if not cut.silent],
            model.config,
            None,
        )
        for clip in clips
    ]
    starts: list[StartName] = [
        name for name in get_args(StartName) if pretrained_dir or name != "pretrained"
    ]
    predicted = {
        start: predict_fine_tuned(start, model, pretrained_dir, windows, ratings, works, config)
        for start in starts
    }
    gain_over: StartName = "pretrained" if pretrained_dir else "scratch"
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


def predict_fine_tuned(
    start: StartName,
    model: TrainedModel,
    pretrained_dir: Path | None,
    windows: ClipWindows,
    ratings: FloatArray,
    works: Sequence[str],
    config: HumanValidationConfig,
) -> FloatArray:
    """Return ratings predicted by `midi_only` fine-tuned on other works, (clips, 19).

    All starts see the same windows in the same order: in each epoch one of each clip. A prediction
    is the mean over all windows. On the CPU.
    """
    tuning = config.fine_tuning

    def fit(learn: Indices, held_out: Indices) -> FloatArray:
        centre, scale = ratings[learn].mean(axis=0), ratings[learn].std(axis=0) + 1e-6
        target = torch.from_numpy(((ratings - centre) / scale).astype(np.float32))
        predicted = []
        for seed in range(config.seed, config.seed + tuning.seeds):
            network = start_network(start, model, pretrained_dir, seed)
            _train(network, windows, target, learn, model.config, tuning, seed)
            predicted.append(_predict(network, windows, held_out, model.config, tuning))
        mean: FloatArray = np.mean(predicted, axis=0) * scale + centre
        return mean

    with torch_threads(model.config.torch_threads):
        return predict_held_out(works, len(SCALES), fit)


def start_network(
    start: StartName, model: TrainedModel, pretrained_dir: Path | None, seed: int
) -> GradingNetwork:
    """Return `midi_only` before fine-tuning, with a new last layer for the 19 scales.

    The checkpoint had masked pretraining and training on damage, the pretrained encoder the first
    alone, random weights ("scratch") neither.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # torch layers draw their weights from its global generator
        if start == "checkpoint":
            network = copy.deepcopy(model.network)
        else:
            network = GradingNetwork("midi_only", model.config)
        if start == "pretrained" and pretrained_dir:
            load_pretrained(network.midi_encoder, pretrained_dir)
        network = network.cpu()
        network.head.replace_outputs(len(SCALES))
    return network


def _train(
    network: GradingNetwork,
    clips: ClipWindows,
    target: Tensor,
    learn: Indices,
    config: ExperimentConfig,
    tuning: FineTuningConfig,
    seed: int,
) -> None:
    """Train on all epochs: AdamW, squared error, a cosine to zero."""
    rng = stream(seed, "fine_tuning", "order")
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=tuning.learning_rate, weight_decay=tuning.weight_decay
    )
    batches = -(-len(learn) // tuning.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, tuning.epochs * batches)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(digest_int(str(seed), "fine_tuning", "dropout") % 2**63)
        network.train()
        for _ in range(tuning.epochs):
            order = rng.permutation(learn)
            for first in range(0, len(order), tuning.batch_size):
                chosen = order[first : first + tuning.batch_size].tolist()
                drawn = [clips[at][int(rng.integers(len(clips[at])))] for at in chosen]
                batch = collate([Example(features=clip) for clip in drawn], config)
                loss = nn.functional.mse_loss(network(batch).standardised, target[chosen])
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                nn.utils.clip_grad_norm_(network.parameters(), config.training.gradient_norm_limit)
                optimizer.step()
                schedule.step()
    network.eval()


def _predict(
    network: GradingNetwork,
    clips: ClipWindows,
    indices: Indices,
    config: ExperimentConfig,
    tuning: FineTuningConfig,
) -> FloatArray:
    windows = [window for at in indices for window in clips[at]]
    clip_of = [at for at in indices.tolist() for _ in clips[at]]
    found = predict(network, batches_of(windows, config, tuning.batch_size), config.torch_threads)
    return mean_by_clip(found.standardised.astype(np.float64), clip_of, indices.tolist())
