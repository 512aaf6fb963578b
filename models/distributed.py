"""Helpers for distributed training: ranks, and messages to the parent process."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.queues import SimpleQueue
from typing import Any, TypeVar

import torch
import torch.distributed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RankInfo:
    """The rank of a process among the processes of a training, and how many there are."""

    rank: int
    world_size: int


def rank_info() -> RankInfo:
    """Return the rank of this process; outside distributed training, rank 0 of 1."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return RankInfo(torch.distributed.get_rank(), torch.distributed.get_world_size())
    return RankInfo(0, 1)


def gathered(own: T) -> list[T]:
    """Return the values of all processes, in the order of ranks."""
    if rank_info().world_size == 1:
        return [own]
    found: list[Any] = [None] * rank_info().world_size
    torch.distributed.all_gather_object(found, own)
    return found


Tell = Callable[[str, Any], None]
"""Called with a listener's name and a value for it."""


def _send(queue: "SimpleQueue[tuple[str, Any] | None]", name: str, value: object) -> None:
    queue.put((name, value))


@contextmanager
def relayed(listeners: Mapping[str, Callable[[Any], None]], processes: int) -> Iterator[Tell]:
    """Yield a callable that forwards values to `listeners`; child processes may call it too.

    Functions that write to a log cannot be sent to another process; names and values can. An
    error of a listener is raised when the block ends: until then the children continue.
    """
    if processes == 1:
        yield lambda name, value: listeners[name](value)
        return
    queue: SimpleQueue[tuple[str, Any] | None] = multiprocessing.get_context("spawn").SimpleQueue()
    errors: list[Exception] = []

    def listen() -> None:
        while (call := queue.get()) is not None:
            try:
                listeners[call[0]](call[1])
            except Exception as error:
                errors.append(error)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield partial(_send, queue)
    finally:
        queue.put(None)
        thread.join()
        queue.close()
    if errors:
        raise errors[0]
