"""The training loop of experiments and of pretraining, from the start or resumed after a kill."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import lightning as L
import torch
from torch import nn

from degradation.seeds import digest_int
from models.device import accelerator, torch_threads
from models.distributed import relayed
from models.training.checkpoint import ResumeState, load_resume
from models.training.epoch_keeper import EpochKeeper, Keeping
from models.training.files import clear, find_best, remove_unfinished
from models.training.history import Record, is_finished
from models.training.lightning_quiet import QuietDDP, quiet_lightning
from models.training.module import TrainingModule


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Generic[Record]):
    """What a training does, known once its data were looked at; `described` is for the log.

    `module` takes the network and the state to resume from, `loaders` the number of epochs done.
    """

    described: str
    module: Callable[[Any, ResumeState[Record] | None], TrainingModule[Record]]
    loaders: Callable[[int], L.LightningDataModule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[Record]):
    """What is trained. `prepare` is called only for a training that is not finished."""

    keeping: Keeping
    record: type[Record]
    seed: int
    torch_threads: int
    devices: int
    bf16: bool
    network: Callable[[], nn.Module]
    prepare: Callable[[], Work[Record]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained(Generic[Record]):
    """A finished training: its best weights, its number of parameters and every epoch."""

    checkpoint: Path
    parameters: int
    history: tuple[Record, ...]
    is_new: bool


def run_training(
    task: Task[Record], log: Callable[[str], None], on_epoch: Callable[[Record], None]
) -> Trained[Record]:
    """Train until the task is finished, resuming after its last whole epoch.

    On a CPU with as many threads and workers, a training that was killed ends with the weights it
    would have had. Files of a training with another identity are removed, once `prepare` has found
    no fault.
    """
    keeping = task.keeping
    name, out_dir = keeping.name, keeping.out_dir
    out_dir.mkdir(parents=True, exist_ok=True)
    state = load_resume(out_dir, keeping.identity, task.record)
    history = state.history if state else ()
    finished = is_finished(history, keeping.epochs, keeping.patience_epochs)
    work = None if finished else task.prepare()
    if state is None:
        clear(out_dir)
    with torch_threads(task.torch_threads), torch.random.fork_rng():
        # Layers draw their first weights from torch's global generator and take no other.
        torch.manual_seed(digest_int(str(task.seed), "weights", name) % 2**63)
        network = task.network()
        parameters = sum(weight.numel() for weight in network.parameters())
        if work is None:
            log(f"{name}: was trained before, on the same data with the same settings")
        else:
            remove_unfinished(out_dir)
            if state:
                log(f"{name}: goes on after epoch {len(history)}")
            log(f"{name}: {parameters:,} parameters, {work.described}")
            history = _fit(task, work, work.module(network, state), history, log, on_epoch)
    return Trained(
        checkpoint=find_best(out_dir),
        parameters=parameters,
        history=history,
        is_new=work is not None,
    )


def _fit(
    task: Task[Record],
    work: Work[Record],
    module: TrainingModule[Record],
    history: tuple[Record, ...],
    log: Callable[[str], None],
    on_epoch: Callable[[Record], None],
) -> tuple[Record, ...]:
    keeping = task.keeping
    with relayed({"log": log, "epoch": on_epoch}, task.devices) as tell, quiet_lightning():
        trainer = L.Trainer(
            accelerator=accelerator(),
            devices=task.devices,
            strategy="auto" if task.devices == 1 else QuietDDP(task.torch_threads),
            precision="bf16-mixed" if task.bf16 else "32-true",
            max_epochs=keeping.epochs - len(history),
            gradient_clip_val=module.optimisation.gradient_norm_limit,
            reload_dataloaders_every_n_epochs=1,
            use_distributed_sampler=False,
            callbacks=[EpochKeeper(keeping, history, tell)],
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, datamodule=work.loaders(len(history)))
    # Read back, because the keeper that took part may be in another process.
    done = load_resume(keeping.out_dir, keeping.identity, task.record)
    assert done is not None
    return done.history
