"""The device that torch computes on: a GPU, or a number of CPU threads."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from joblib import cpu_count
from torch import nn


def accelerator() -> Literal["cuda", "cpu"]:
    """Return CUDA when there is some, else the CPU. Apple's GPUs have no float64."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads within the block.

    At most the cores that affinity and cgroup allow this process: more threads than cores are
    ten times slower than one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(min(count, cpu_count()))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def has_bfloat16_lstm() -> bool:
    """Return whether this CPU can train an LSTM in bfloat16: on many, oneDNN cannot."""
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
