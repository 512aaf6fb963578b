"""Training in several processes: who is who, and what they tell each other and their parent."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from typing import Any, TypeVar

import torch
import torch.distributed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A process among those of a training: its rank, and how many there are."""

    rank: int
    ranks: int


def here() -> Place:
    """Return this process's place: the only one, outside distributed training."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return Place(torch.distributed.get_rank(), torch.distributed.get_world_size())
    return Place(0, 1)


def gathered(own: T) -> list[T]:
    """Return what every process of the training gives, in the order of ranks."""
    if here().ranks == 1:
        return [own]
    found: list[Any] = [None] * here().ranks
    torch.distributed.all_gather_object(found, own)
    return found


Tell = Callable[[str, Any], None]
"""Called with a listener's name and what it shall be told."""


class _Relay:
    def __init__(self, queue: "SimpleQueue[tuple[str, Any] | None]") -> None:
        self._queue = queue

    def __call__(self, name: str, value: object) -> None:
        self._queue.put((name, value))


@contextmanager
def relayed(listeners: Mapping[str, Callable[[Any], None]], processes: int) -> Iterator[Tell]:
    """Yield what calls the listeners, also from child processes while the parent waits.

    Functions that write to a log cannot go to another process; names and values can. An
    error of a listener is raised here, at the end: until then the children go on.
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
        yield _Relay(queue)
    finally:
        queue.put(None)
        thread.join()
        queue.close()
    if errors:
        raise errors[0]
