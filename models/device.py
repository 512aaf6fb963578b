"""The device that torch computes on: a GPU, or a number of CPU threads."""

import functools
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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


def describe_machine(threads: int) -> dict[str, str]:
    """Return what the last bits of a result depend on: processor, BLAS, threads, GPU."""
    about = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.+)", about.read_text()) if about.exists() else None
    blas = re.search(r"Math Kernel Library Version \S+|BLAS_INFO=\w+", torch.__config__.show())
    found = {
        "processor": named[1].strip() if named else platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "blas": blas[0] if blas else "unknown",
        "threads": str(min(threads, cpu_count())),
    }
    if accelerator() == "cuda":
        found["gpu"] = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
    return found


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
