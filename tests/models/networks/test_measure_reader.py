"""What heuristics_only reads: measures, some of which are undefined, to one vector a clip."""

import numpy as np
import torch

from labeling.measures import PLAIN
from models.networks.measure_reader import MeasureReader


def reader() -> MeasureReader:
    torch.manual_seed(1)
    return MeasureReader(width=8, dropout=0.0)


def read(network: MeasureReader, measures: torch.Tensor) -> torch.Tensor:
    return network(measures, torch.ones(len(measures), 3, dtype=torch.bool)).vector


def test_what_is_undefined_is_the_mean_and_known_as_undefined() -> None:
    network, measures = reader(), torch.randn(64, len(PLAIN))
    read(network, measures)  # statistics of one batch
    network.eval()
    gaps = measures[:2].clone()
    gaps[0, 3] = torch.nan
    defined, undefined = read(network, measures[:2])[0], read(network, gaps)[0]
    assert undefined.isfinite().all()
    assert not torch.equal(defined, undefined)
    whole = torch.full((1, len(PLAIN)), torch.nan)
    assert read(network, whole).isfinite().all()


def test_units_do_not_matter() -> None:
    """A measure in milliseconds or seconds, above 0 or below: the same vector."""
    measures = torch.randn(64, len(PLAIN))
    one, other = reader(), reader()
    assert torch.allclose(read(one, measures), read(other, 1000 * measures - 7), atol=1e-3)


def test_statistics_are_those_of_all_defined_values_however_they_are_cut() -> None:
    measures = 3 * torch.randn(65, len(PLAIN)) + 40
    measures[torch.rand_like(measures) < 0.2] = torch.nan
    network = reader()
    for part in measures.split(16):  # the last holds one clip
        read(network, part).sum().backward()
    found = network.standardise
    known = [column[~column.isnan()] for column in measures.T]
    assert torch.allclose(found.mean, torch.stack([one.mean() for one in known]), rtol=1e-4)
    variance = torch.stack([one.var(correction=0) for one in known])
    assert torch.allclose(found.squares / found.count, variance, rtol=1e-2)


def test_a_far_value_does_not_outweigh_all_others() -> None:
    network, measures = reader(), torch.randn(64, len(PLAIN))
    read(network, measures)
    network.eval()
    far, farther = measures[:1].clone(), measures[:1].clone()
    far[0, 2], farther[0, 2] = 1e3, 1e6
    assert torch.equal(read(network, far), read(network, farther))


def test_every_step_counts_alike() -> None:
    mask = torch.tensor([[True, True, False], [True, True, True]])
    weight = reader()(torch.randn(2, len(PLAIN)), mask).weight[..., 0]
    assert np.allclose(weight.numpy(), [[0.5, 0.5, 0], [1 / 3] * 3])
