import numpy as np
import pytest
import torch

from models.networks.fusion.gated import GatedFusion

MASK = torch.ones(2, 5, dtype=torch.bool)


@pytest.fixture
def fusion() -> GatedFusion:
    torch.manual_seed(1)
    return GatedFusion(6)


def test_against_the_formula(fusion: GatedFusion) -> None:
    rng = np.random.default_rng(0)
    audio, midi = rng.normal(size=(2, 2, 5, 6)).astype(np.float32)
    w_a, w_m, w_z = (
        layer.weight.detach().numpy() for layer in (fusion.audio, fusion.midi, fusion.gate)
    )
    z = 1 / (1 + np.exp(-np.concatenate([audio, midi], axis=-1) @ w_z.T))
    from_audio, from_midi = z * np.tanh(audio @ w_a.T), (1 - z) * np.tanh(midi @ w_m.T)
    fused = fusion(torch.from_numpy(audio), torch.from_numpy(midi), MASK)
    expected = (from_audio + from_midi, from_audio, from_midi, z)
    for got, wanted in zip(
        (fused.steps, fused.audio, fused.midi, fused.gate), expected, strict=True
    ):
        np.testing.assert_allclose(got.detach().numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize(("sign", "side"), [(1.0, "audio"), (-1.0, "midi")])
def test_a_saturated_gate_passes_one_side_only(fusion: GatedFusion, sign: float, side: str) -> None:
    inputs = {name: torch.rand(2, 5, 6) + 0.5 for name in ("audio", "midi")}
    torch.nn.init.constant_(fusion.gate.weight, sign * 100.0)
    fused = fusion(inputs["audio"], inputs["midi"], MASK)
    torch.testing.assert_close(fused.steps, torch.tanh(getattr(fusion, side)(inputs[side])))


def test_an_indifferent_gate_averages(fusion: GatedFusion) -> None:
    audio, midi = torch.randn(2, 2, 5, 6)
    torch.nn.init.zeros_(fusion.gate.weight)
    fused = fusion(audio, midi, MASK)
    expected = (torch.tanh(fusion.audio(audio)) + torch.tanh(fusion.midi(midi))) / 2
    torch.testing.assert_close(fused.steps, expected)
    assert (fused.gate == 0.5).all()
