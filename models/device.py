"""What torch computes on: a GPU, or so many threads of the CPU."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from joblib import cpu_count
from torch import nn


def accelerator() -> Literal["cuda", "cpu"]:
    """Return what a training or a prediction runs on: CUDA where there is some.

    Apple's GPUs are left out, because they have no float64.
    """
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads, and as many as before afterwards.

    It gets no more than the cores that this process may use by its affinity and cgroup: threads
    that wait for each other's core are ten times slower than one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(min(count, cpu_count()))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def has_bfloat16_lstm() -> bool:
    """Return whether this CPU can learn with an LSTM in bfloat16: oneDNN has none on many."""
    try:
        with (
            torch.random.fork_rng(devices=[]),
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast("cpu", torch.bfloat16),
        ):
            nn.LSTM(1, 1)(torch.zeros(1, 1, 1))[0].sum().backward()
    except RuntimeError:
        return False
    return True
