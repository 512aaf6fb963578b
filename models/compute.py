"""What torch computes on: a GPU, or so many threads of the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch


def accelerator() -> Literal["cuda", "cpu"]:
    """Return what a training or a prediction runs on: CUDA where there is some.

    Apple's GPUs are left out, because they have no float64.
    """
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
