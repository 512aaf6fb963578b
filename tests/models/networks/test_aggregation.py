import numpy as np
import pytest
import torch

from models.config.experiment import AggregationConfig
from models.device import has_bfloat16_lstm
from models.inputs.batch import length_mask
from models.networks.aggregation import LEAST_VARIANCE, Aggregation, AttentionPooling

LENGTHS = torch.tensor([9, 4, 1])


@pytest.fixture
def aggregation() -> Aggregation:
    torch.manual_seed(0)
    return Aggregation(6, AggregationConfig(hidden=4, heads=2))


def test_a_constant_sequence_pools_to_itself_without_spread() -> None:
    torch.manual_seed(0)
    constant = torch.randn(1, 1, 8).expand(1, 12, 8)
    pooled = AttentionPooling(8, 2)(constant, length_mask(torch.tensor([12]), 12))
    torch.testing.assert_close(pooled.vector[:, :8], constant[:, 0])
    torch.testing.assert_close(pooled.vector[:, 8:], torch.full((1, 8), LEAST_VARIANCE**0.5))
    torch.testing.assert_close(pooled.weight, torch.full((1, 12, 2), 1 / 12))


def test_pooling_does_not_depend_on_order() -> None:
    torch.manual_seed(0)
    pooling, sequence, mask = AttentionPooling(8, 2), torch.randn(3, 12, 8), torch.ones(3, 12) > 0
    order = torch.randperm(12)
    straight, turned = pooling(sequence, mask), pooling(sequence[:, order], mask)
    torch.testing.assert_close(straight.vector, turned.vector)
    torch.testing.assert_close(straight.weight[:, order], turned.weight)


def test_each_head_weighs_its_own_channels() -> None:
    pooling = AttentionPooling(4, 2)
    torch.nn.init.eye_(pooling.hidden.weight)
    torch.nn.init.zeros_(pooling.hidden.bias)
    with torch.no_grad():
        pooling.score.weight.copy_(torch.tensor([[100.0, 0, 0, 0], [-100.0, 0, 0, 0]]))
    sequence = torch.tensor([[[1.0, 2, 3, 4], [-1.0, 6, 7, 8]]])
    pooled = pooling(sequence, torch.ones(1, 2) > 0)
    torch.testing.assert_close(pooled.vector[:, :4], torch.tensor([[1.0, 2, 7, 8]]))
    torch.testing.assert_close(pooled.weight, torch.tensor([[[1.0, 0], [0, 1]]]))


def test_moments_are_taken_with_the_weights() -> None:
    torch.manual_seed(0)
    pooling, sequence = AttentionPooling(6, 2), torch.randn(2, 12, 6)
    pooled = pooling(sequence, torch.ones(2, 12) > 0)
    for clip, weight, vector in zip(
        sequence.numpy(),
        pooled.weight.detach().numpy(),
        pooled.vector.detach().numpy(),
        strict=True,
    ):
        for channel in range(6):
            own = weight[:, channel // 3]
            mean = np.average(clip[:, channel], weights=own)
            variance = np.average((clip[:, channel] - mean) ** 2, weights=own)
            assert vector[channel] == pytest.approx(mean, abs=1e-5)
            assert vector[6 + channel] == pytest.approx(np.sqrt(variance), abs=1e-4)


def test_a_sequence_without_any_spread_has_a_gradient() -> None:
    steps = torch.ones(1, 5, 4, requires_grad=True)
    AttentionPooling(4, 2)(steps, torch.ones(1, 5) > 0).vector.sum().backward()
    assert steps.grad is not None
    assert steps.grad.isfinite().all()


def test_weights_sum_to_1_and_padding_weighs_nothing(aggregation: Aggregation) -> None:
    weight = aggregation(torch.randn(3, 9, 6), LENGTHS).weight
    assert weight.shape == (3, 9, 2)
    torch.testing.assert_close(weight.sum(1), torch.ones(3, 2))
    assert (weight[~length_mask(LENGTHS, 9)] == 0).all()


def test_what_lies_beyond_the_length_changes_nothing(aggregation: Aggregation) -> None:
    steps = torch.randn(3, 9, 6)
    vector = aggregation(steps, LENGTHS).vector
    assert vector.shape == (3, aggregation.width) == (3, 16)
    noisy = torch.where(length_mask(LENGTHS, 9)[..., None], steps, torch.nan)
    torch.testing.assert_close(aggregation(noisy, LENGTHS).vector, vector)
    alone = aggregation(steps[1:2, :4], LENGTHS[1:2])
    torch.testing.assert_close(alone.vector, vector[1:2])


def test_order_matters_to_the_whole_in_both_directions(aggregation: Aggregation) -> None:
    steps = torch.randn(1, 9, 6)
    lengths = torch.tensor([9])
    states = aggregation.lstm(steps)[0]
    for place, half in ((0, slice(4, 8)), (8, slice(0, 4))):
        changed = steps.clone()
        changed[:, 8 - place] += 1
        moved = aggregation.lstm(changed)[0]
        assert not torch.allclose(moved[0, place, half], states[0, place, half])
    vector = aggregation(steps, lengths).vector
    assert not torch.allclose(aggregation(steps.flip(1), lengths).vector, vector)


def test_bfloat16_autocast_is_near_float32(aggregation: Aggregation) -> None:
    steps = torch.randn(3, 9, 6)
    exact = aggregation(steps, LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        rough = aggregation(steps, LENGTHS)
    assert rough.weight.dtype == torch.float32
    torch.testing.assert_close(rough.vector.float(), exact.vector, atol=0.03, rtol=0.05)


@pytest.mark.parametrize("able", [True, False])
def test_where_the_cpu_has_no_bfloat16_lstm_it_runs_in_float32(
    able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if able and not has_bfloat16_lstm():
        pytest.skip("this CPU has no LSTM in bfloat16")
    monkeypatch.setattr("models.networks.aggregation.has_bfloat16_lstm", lambda: able)
    layer = Aggregation(8, AggregationConfig(hidden=4, heads=2))
    found = []
    layer.lstm.register_forward_hook(lambda *about: found.append(about[2][0].data.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.randn(2, 5, 8).bfloat16(), torch.tensor([5, 3])).vector.sum().backward()
    assert found == [torch.bfloat16 if able else torch.float32]
