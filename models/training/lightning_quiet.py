"""Lightning without its banners, tips and advice; errors still pass."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from joblib import cpu_count
from lightning.pytorch.strategies import DDPStrategy

_LOGGERS = ("lightning.pytorch", "lightning.fabric")
_MODULES = r"(lightning|torch)\..*"


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning's words from the reader."""
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


class QuietDDP(DDPStrategy):
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
