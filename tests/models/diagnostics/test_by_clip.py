import pytest
import torch

from models.diagnostics.by_clip import audio_share_by_clip, gate_by_clip
from models.networks.fusion.fused import Fused, norm_share

MASK = torch.tensor([[True, True, True], [True, False, False]])


def fused(gate: bool = True) -> Fused:
    draw = torch.Generator().manual_seed(0)
    audio, midi, opened = torch.randn(3, 2, 3, 4, generator=draw)
    return Fused(
        steps=audio + midi, audio=audio, midi=midi, gate=opened.sigmoid() if gate else None
    )


def test_a_clip_s_share_is_the_mean_over_its_real_steps() -> None:
    found = fused()
    share = audio_share_by_clip(found, MASK)
    for clip, real in enumerate(MASK):
        expected = norm_share(found.audio[clip][real], found.midi[clip][real]).mean()
        assert share[clip] == pytest.approx(float(expected))


def test_a_clip_s_gate_is_the_mean_over_channels_and_real_steps() -> None:
    found = fused()
    gate = gate_by_clip(found, MASK)
    assert gate is not None
    assert found.gate is not None
    assert gate[0] == pytest.approx(float(found.gate[0].mean()))
    assert gate[1] == pytest.approx(float(found.gate[1, 0].mean()))
    assert gate_by_clip(fused(gate=False), MASK) is None


def test_padding_and_steps_of_nothing_count_for_nothing() -> None:
    found = fused()
    padded = Fused(
        steps=found.steps,
        audio=torch.where(MASK[..., None], found.audio, 1e6),
        midi=found.midi,
    )
    assert torch.equal(audio_share_by_clip(padded, MASK), audio_share_by_clip(found, MASK))
    audio, midi = found.audio.clone(), found.midi.clone()
    audio[0, 0] = midi[0, 0] = 0
    left = audio_share_by_clip(Fused(steps=audio, audio=audio, midi=midi), MASK)
    assert left[0] == pytest.approx(float(norm_share(audio[0, 1:], midi[0, 1:]).mean()))
    silent = Fused(steps=audio * 0, audio=audio * 0, midi=midi * 0)
    assert audio_share_by_clip(silent, MASK).isnan().all()
