"""The training loop of experiments and of pretraining, from the start or resumed after a kill."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from joblib import cpu_count
from lightning.pytorch.strategies import DDPStrategy
from torch import nn

from degradation.seeds import digest_int
from models.device import accelerator, torch_threads
from models.distributed import relayed
from models.duration import describe_duration
from models.training.checkpoint import clear, load_resume, remove_unfinished
from models.training.epoch_keeper import EpochKeeper, Task
from models.training.history import Record
from models.training.module import TrainingModule
from models.training.result import SomeResult, find_best, write_result


def run_training(
    task: Task[Record],
    make_network: Callable[[], nn.Module],
    make_module: Callable[[Any], TrainingModule[Record]],
    make_result: Callable[..., SomeResult],
    log: Callable[[str], None],
    on_epoch: Callable[[Record], None],
) -> SomeResult:
    """Train until the task is finished, resuming after its last whole epoch; write the result.

    On a CPU with as many threads and workers, a training that was killed ends with the weights it
    would have had. `make_module`, which looks at the data, is called only for a training that is
    not finished; files of another identity are removed after it. `make_result` takes `identity`,
    `checkpoint`, `parameters` and `epochs`.
    """
    name, out_dir = task.name, task.out_dir
    out_dir.mkdir(parents=True, exist_ok=True)
    state = load_resume(out_dir, task.identity, task.record)
    history = state.history if state else ()
    finished = task.is_finished(history)
    with torch_threads(task.config.torch_threads), torch.random.fork_rng():
        # Layers draw their first weights from torch's global generator and take no other.
        torch.manual_seed(digest_int(str(task.config.seed), "weights", name) % 2**63)
        network = make_network()
        parameters = sum(weight.numel() for weight in network.parameters())
        if finished:
            log(f"{name}: was trained before, on the same data with the same settings")
        else:
            module = make_module(network)
            remove_unfinished(out_dir)
            if state:
                log(f"{name}: goes on after epoch {len(history)}")
                module.resume(state)
            else:
                clear(out_dir)
            log(f"{name}: {parameters:,} parameters, {module.described}")
            history = _fit(task, module, history, log, on_epoch)
    result = make_result(
        identity=task.identity, checkpoint=find_best(out_dir), parameters=parameters, epochs=history
    )
    write_result(out_dir, result)
    if not finished:
        log(
            f"{name}: done after {len(history)} epochs in {describe_duration(result.seconds)}; "
            f"best epoch {result.best.epoch}: {result.best.summary()}"
        )
    return result


def _fit(
    task: Task[Record],
    module: TrainingModule[Record],
    history: tuple[Record, ...],
    log: Callable[[str], None],
    on_epoch: Callable[[Record], None],
) -> tuple[Record, ...]:
    with relayed({"log": log, "epoch": on_epoch}, task.devices) as tell, _quiet_lightning():
        trainer = L.Trainer(
            accelerator=accelerator(),
            devices=task.devices,
            strategy="auto" if task.devices == 1 else _QuietDDP(task.config.torch_threads),
            precision="bf16-mixed" if task.bf16 else "32-true",
            max_epochs=task.epochs - len(history),
            gradient_clip_val=module.optimisation.gradient_norm_limit,
            reload_dataloaders_every_n_epochs=1,
            use_distributed_sampler=False,
            callbacks=[EpochKeeper(task, history, tell)],
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module)
    # Read back, because the keeper that took part may be in another process.
    done = load_resume(task.out_dir, task.identity, task.record)
    assert done is not None
    return done.history


_LOGGERS = ("lightning.pytorch", "lightning.fabric")
_MODULES = r"(lightning|torch)\..*"


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Suppress Lightning's banners, tips and warnings; errors still pass."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=_MODULES)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


class _QuietDDP(DDPStrategy):
    """Distributed data parallel training in spawned processes, as quiet as their parent.

    Spawned, because a training is started from a process of Dagster that has threads. Buffers
    are constant, and ranks may validate unequal numbers of batches: nothing is exchanged there.
    """

    def __init__(self, torch_threads: int) -> None:
        super().__init__(start_method="spawn", forward_sync_buffers=False)
        self._torch_threads = torch_threads

    def setup_environment(self) -> None:
        """Start this process's part of the training, on its own number of threads."""
        share = max(1, cpu_count() // self.num_processes)
        torch.set_num_threads(min(self._torch_threads, share))
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module=_MODULES)
        super().setup_environment()
