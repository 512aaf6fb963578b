"""Pretrain the MIDI encoder on masked notes, or go on with it where it was killed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import lightning as L
import torch
from torch import Tensor

from degradation.errors import UserError
from degradation.seeds import digest_int
from models.config.experiment import ExperimentConfig
from models.device import accelerator, torch_threads
from models.duration import describe_duration
from models.training.files import HISTORY_FILE, clear, write_json
from models.training.lightning_quiet import quiet_lightning
from models.training.pretraining.baseline import Survey, survey
from models.training.pretraining.checkpoint import load_state
from models.training.pretraining.history import PretrainingEpoch, PretrainingResult
from models.training.pretraining.module import PretrainingModule, WindowLoaders
from models.training.pretraining.progress import PretrainingKeeper
from models.training.pretraining.result import NAME, find_best_encoder, pretraining_identity
from models.training.pretraining.source import PerformanceSource


def pretrain(
    config: ExperimentConfig,
    source: PerformanceSource,
    out_dir: Path,
    *,
    data_version: str,
    log: Callable[[str], None],
    on_epoch: Callable[[PretrainingEpoch], None],
) -> PretrainingResult:
    """Pretrain the configured MIDI encoder; files go to `out_dir`, progress to `log`.

    Each note's fields are guessed from the notes around it (MidiBERT, Chou et al. 2021): see
    `masking`. `data_version` names what `source` gives. A pretraining that
    was killed goes on after its last whole epoch and ends, on a CPU with as many threads, with
    the weights it would have had; a finished one is returned as it is; what one of another
    identity (see `pretraining_identity`) left in `out_dir` is removed. Files: the encoder's best
    weights `midi_pretrain-epoch=NN-val_loss=X.XXXX.pt` and `.json`, `resume.pt`, `history.json`.

    Runs on one GPU when there is one, else on `torch_threads` CPU threads. `on_epoch` is called
    after each epoch. Raises UserError when the configuration has no pretraining, or a split has
    no note.
    """
    pretraining = config.pretraining
    if pretraining is None:
        raise UserError(
            "the experiment's pretraining is null; expected its settings: write them, or leave "
            f"{NAME} alone"
        )
    identity = pretraining_identity(config, data_version)
    out_dir.mkdir(parents=True, exist_ok=True)
    state = load_state(out_dir, identity)
    history = state.history if state else ()
    if state and len(history) == pretraining.epochs:
        log(f"{NAME}: was trained before, on the same data with the same settings")
        return _finish(identity, data_version, out_dir, _size(state.weights), history)
    found = survey(source, config)
    _check(found)  # before anything is removed
    if state is None:
        clear(out_dir)
    with torch_threads(config.torch_threads), torch.random.fork_rng():
        # Layers draw their first weights from torch's global generator and take no other.
        torch.manual_seed(digest_int(str(config.seed), "weights", NAME) % 2**63)
        module = PretrainingModule(
            config,
            steps_in_all=pretraining.epochs
            * math.ceil(found.train_windows / pretraining.batch_size),
            first_epoch=len(history),
            steps_done=state.steps_done if state else 0,
            optimizer_state=state.optimizer if state else None,
        )
        if state:
            module.network.load_state_dict(state.weights)
            log(f"{NAME}: goes on after epoch {len(history)}")
        parameters = _size(module.network.state_dict())
        log(
            f"{NAME}: {parameters:,} parameters, {found.train_windows:,} windows with "
            f"{found.train_notes:,} notes, {found.validation_notes_guessed:,} to guess in "
            "validation"
        )
        keeper = PretrainingKeeper(identity, data_version, out_dir, history, found, log, on_epoch)
        gpu_bf16 = torch.cuda.is_available() and config.training.precision == "bf16"
        with quiet_lightning():
            trainer = L.Trainer(
                accelerator=accelerator(),
                devices=1,
                precision="bf16-mixed" if gpu_bf16 else "32-true",
                max_epochs=pretraining.epochs - len(history),
                gradient_clip_val=pretraining.gradient_norm_limit,
                reload_dataloaders_every_n_epochs=1,
                callbacks=[keeper],
                num_sanity_val_steps=0,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            trainer.fit(module, datamodule=WindowLoaders(source, config, len(history)))
    result = _finish(identity, data_version, out_dir, parameters, keeper.history)
    beaten = result.beats_unigram
    log(
        f"{NAME}: done after {len(result.history)} epochs in {describe_duration(result.seconds)}; "
        f"best epoch {result.best.epoch}: val loss {result.best.val_loss:.4f}, better than the "
        f"unigram baseline in {sum(beaten.values())} of {len(beaten)} fields"
    )
    return result


def _size(weights: Mapping[str, Tensor]) -> int:
    return sum(weight.numel() for weight in weights.values())


def _check(found: Survey) -> None:
    """Raise UserError when there is nothing to learn from, or to judge by."""
    counts = {"train": found.train_notes, "validation": found.validation_notes_guessed}
    for split, notes in counts.items():
        if not notes:
            raise UserError(
                f"no {split} performance has a note to pretrain with; expected train and "
                "validation: choose more performances"
            )


def _finish(
    identity: str,
    data_version: str,
    out_dir: Path,
    parameters: int,
    history: tuple[PretrainingEpoch, ...],
) -> PretrainingResult:
    result = PretrainingResult(
        identity=identity,
        checkpoint=find_best_encoder(out_dir),
        parameters=parameters,
        history=history,
    )
    write_json(
        out_dir / HISTORY_FILE,
        {
            "identity": identity,
            "data_version": data_version,
            "checkpoint": result.checkpoint.name,
            "parameters": parameters,
            "beats_unigram": result.beats_unigram,
            "epochs": [asdict(record) for record in history],
        },
    )
    return result
