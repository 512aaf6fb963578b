import torch

from models.networks.fusion.concat import ConcatFusion


def test_it_is_one_linear_map_of_both_sides() -> None:
    torch.manual_seed(0)
    fusion = ConcatFusion(6)
    audio, midi = torch.randn(2, 3, 5, 6)
    fused = fusion(audio, midi, torch.ones(3, 5, dtype=torch.bool))
    torch.testing.assert_close(fused.steps, fusion.linear(torch.cat([audio, midi], -1)))
    assert fused.gate is None
    assert fused.attention == fused.mixing == {}
