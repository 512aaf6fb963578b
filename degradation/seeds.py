"""Random generators, each derived from a seed and a name."""

import hashlib

import numpy as np


def digest_int(*name: str) -> int:
    """Return a 128-bit integer that depends on `name` alone, in every process and release."""
    digest = hashlib.blake2b("\x1f".join(name).encode(), digest_size=16).digest()
    return int.from_bytes(digest, "big")


def stream(seed: int, *name: str) -> np.random.Generator:
    """Return the generator of `name` under `seed`, independent of all others.

    PCG64 is named outright: `numpy.random.default_rng` may change its bit generator.
    """
    return np.random.Generator(np.random.PCG64([seed, digest_int(*name)]))


def unit_interval(seed: int, *name: str) -> float:
    """Return a number in [0, 1) that depends on `name` and `seed` alone.

    It is made of the digest's first 53 bits, all that a float holds: with more, rounding could
    give 1.
    """
    return (digest_int(str(seed), *name) >> 75) / 2**53
