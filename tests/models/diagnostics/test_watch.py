import dataclasses
import json
import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.diagnostics import watch as module
from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.diagnostics.watch import FusionWatch, relative_entropy
from models.networks.aggregation import Pooled
from models.networks.fusion.crossattn import CrossAttentionFusion
from models.networks.fusion.fused import Fused
from models.networks.fusion.gated import GatedFusion

WIDTH, HEADS = 6, 2
Batch = dict[str, Any]


def softmax_over(mask: Tensor, *shape: int, draw: torch.Generator) -> Tensor:
    """Random weights (..., S) that sum to 1 over real steps."""
    score = torch.randn(*shape, generator=draw)
    real = mask.view(len(mask), *[1] * (len(shape) - 2), -1)
    return score.masked_fill(~real, -math.inf).softmax(-1)


def batch(seed: int = 0, clips: int = 5, steps: int = 30) -> Batch:
    """A gated batch with clips of unlike lengths, and what cross-attention would add to it."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, steps + 1, (clips,), generator=draw)
    lengths[0] = steps
    mask = torch.arange(steps) < lengths[:, None]
    audio, midi, gate = torch.randn(3, clips, steps, WIDTH, generator=draw)
    names = ("audio_to_midi", "midi_to_audio")
    attention = {name: softmax_over(mask, clips, HEADS, steps, steps, draw=draw) for name in names}
    return {
        "sample_ids": [f"batch {seed} clip {number}" for number in range(clips)],
        "fused": Fused(
            steps=audio + midi,
            audio=audio,
            midi=midi,
            gate=gate.sigmoid(),
            attention=attention,
            mixing={name: torch.rand(clips, steps, generator=draw) for name in names},
        ),
        "pooled": Pooled(
            vector=torch.zeros(clips, 1),
            weight=softmax_over(mask, clips, HEADS, steps, draw=draw).transpose(1, 2),
        ),
        "audio_steps": audio,
        "midi_steps": midi,
        "mask": mask,
    }


def seen(*batches: Batch) -> FusionWatch:
    watch = FusionWatch()
    for one in batches:
        watch.add(**one)
    return watch


def assert_same(left: FusionDiagnostics, right: FusionDiagnostics) -> None:
    for name, figure in dataclasses.asdict(left).items():
        assert getattr(right, name) == pytest.approx(figure, rel=1e-9), name


def test_figures_of_steps_against_numpy() -> None:
    batches = [batch(0), batch(1)]
    found = seen(*batches).result()
    real = [one["mask"].numpy() for one in batches]
    gates = np.concatenate(
        [b["fused"].gate.numpy()[m] for b, m in zip(batches, real, strict=True)]
    ).astype(np.float64)
    np.testing.assert_allclose(found.gate_mean, gates.mean(0), rtol=1e-9)
    np.testing.assert_allclose(found.gate_spread, gates.std(0), rtol=1e-9)
    shares, taken = [], []
    for one, mask in zip(batches, real, strict=True):
        a, m = (
            np.linalg.norm(side.numpy()[mask], axis=-1)
            for side in (one["fused"].audio, one["fused"].midi)
        )
        shares.extend(a / (a + m))
        taken.extend(one["fused"].mixing["midi_to_audio"].numpy()[mask])
    assert found.audio_share == pytest.approx(np.mean(shares), rel=1e-6)
    assert found.attention_share["midi_to_audio"] == pytest.approx(np.mean(taken), rel=1e-6)


def test_entropies_against_numpy() -> None:
    one = batch(2)
    found = seen(one).result().attention_entropy
    across, pooling = [], []
    for clip, mask in enumerate(one["mask"].numpy()):
        n = mask.sum()
        weight = one["fused"].attention["audio_to_midi"][clip].double().numpy()
        across.extend(
            -(p * np.log(p)).sum() / np.log(n) for head in weight for p in head[mask][:, mask]
        )
        pooled = one["pooled"].weight[clip].double().numpy()[mask]
        pooling.extend(-(p * np.log(p)).sum() / np.log(n) for p in pooled.T)
    assert found["audio_to_midi"] == pytest.approx(np.mean(across), rel=1e-5)
    assert found["pooling"] == pytest.approx(np.mean(pooling), rel=1e-5)
    assert set(found) == {"audio_to_midi", "midi_to_audio", "pooling"}


def test_entropy_is_1_where_even_and_0_on_one_step_whatever_the_length() -> None:
    mask = torch.arange(9) < torch.tensor([[2], [5], [9]])
    even = mask / mask.sum(1, keepdim=True)
    torch.testing.assert_close(relative_entropy(even, mask), torch.ones(3))
    torch.testing.assert_close(relative_entropy(torch.eye(9)[[1, 4, 0]], mask), torch.zeros(3))


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_a_side_that_outweighs_the_other_has_all_of_the_share(scale: float) -> None:
    one = batch()
    one["fused"] = replace(one["fused"], audio=scale * one["fused"].audio)
    assert seen(one).result().audio_share == pytest.approx(float(scale > 1), abs=1e-4)


def test_an_open_gate_is_no_contribution_when_nothing_comes_through() -> None:
    """Why the share is weighed with norms: the gate says audio, and all there is is MIDI."""
    fusion = GatedFusion(WIDTH)
    torch.nn.init.constant_(fusion.gate.weight, 0.1)
    torch.nn.init.zeros_(fusion.audio.weight)
    one, ones = batch(), torch.ones(5, 30, WIDTH)
    one["fused"] = fusion(ones, ones, one["mask"])
    found = seen(one).result()
    assert found.gate_mean is not None
    assert min(found.gate_mean) > 0.7
    assert found.audio_share == 0


def test_what_is_padding_changes_nothing() -> None:
    one, other = batch(3), batch(3)
    padding = ~other["mask"]
    for tensor in (other["fused"].audio, other["fused"].midi, other["fused"].gate):
        tensor[padding] = torch.nan
    for name in other["fused"].attention:
        other["fused"].attention[name].transpose(1, 2)[padding] = torch.nan
        other["fused"].mixing[name][padding] = torch.nan
    assert_same(seen(one).result(), seen(other).result())


def test_watches_of_two_processes_merge_into_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small limits, so that each process samples on its own, and the merged one again."""
    monkeypatch.setattr(module, "RETRIEVAL_CLIPS", 7)
    monkeypatch.setattr(module, "SAMPLED_STEPS", 60)
    batches = [batch(seed) for seed in range(6)]
    first, second = seen(*batches[::2]), seen(*batches[1::2])
    arrived = [pickle.loads(pickle.dumps(watch)) for watch in (second, first)]
    whole = seen(*batches)
    merged = FusionWatch.merge(arrived)
    assert_same(merged.result(), whole.result())
    assert merged.steps.keys() == whole.steps.keys()
    assert_same(seen(*batches[::-1]).result(), whole.result())
    assert_same(FusionWatch.merge([whole, FusionWatch()]).result(), whole.result())


def test_the_sample_is_bounded_spread_and_the_same_each_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RETRIEVAL_CLIPS", 10)
    monkeypatch.setattr(module, "SAMPLED_STEPS", 60)
    batches = [batch(seed) for seed in range(20)]
    watch = seen(*batches)
    assert watch.result().retrieval_clips == len(watch.vectors) == 10
    assert watch.result().retrieval_chance == 0.1
    assert 60 <= sum(len(audio) for audio, _ in watch.steps.values()) < 60 + 30
    assert watch.vectors.keys() == seen(*batches).vectors.keys()
    first_two_batches = seen(*batches[:2])
    assert watch.vectors.keys() != first_two_batches.vectors.keys(), "only the beginning"


def test_what_is_kept_holds_no_batch_alive() -> None:
    watch = seen(batch(0, clips=4))
    for audio, midi in watch.steps.values():
        assert audio.untyped_storage().nbytes() == audio.nbytes
        assert midi.untyped_storage().nbytes() == midi.nbytes


def test_alike_clips_are_retrieved_and_aligned() -> None:
    one = batch(4, clips=12)
    one["midi_steps"] = one["audio_steps"] * 2 + 1
    found = seen(one).result()
    assert found.retrieval_at_1 == 1
    assert found.cka == pytest.approx(1)
    assert found.shift_steps == 0


def test_a_model_of_one_modality_has_pooling_alone() -> None:
    one = batch() | {"fused": None, "midi_steps": None}
    found = seen(one).result()
    assert set(found.attention_entropy) == {"pooling"}
    assert set(found.curves()) == {"attention entropy: pooling"}
    assert (found.gate_mean, found.audio_share, found.cka) == (None, None, None)
    assert (found.retrieval_clips, found.retrieval_chance, found.attention_share) == (0, None, {})


def test_nothing_seen_is_no_figure() -> None:
    assert FusionWatch().result().curves() == {}


def test_clips_of_one_step_have_no_entropy() -> None:
    one = batch()
    one["mask"][:] = False
    one["mask"][:, 0] = True
    found = seen(one).result()
    assert found.attention_entropy == {}
    assert found.shift_steps is None


def test_the_figures_are_json_and_curves_are_single_numbers() -> None:
    found = seen(batch(0), batch(1)).result()
    told = json.loads(json.dumps(dataclasses.asdict(found), allow_nan=False))
    assert len(told["gate_mean"]) == WIDTH
    curves = found.curves()
    assert curves["gate: mean"] == pytest.approx(np.mean(told["gate_mean"]))
    assert curves["share: audio_to_midi"] == found.attention_share["audio_to_midi"]
    assert set(curves) >= {"gate: spread", "share: audio of the fused", "best shift: steps"}
    assert set(curves) >= {"alignment: retrieval@1", "alignment: CKA", "attention entropy: pooling"}
    assert all(type(figure) is float for figure in curves.values())


def test_cross_attention_in_bfloat16_is_watched_without_a_gradient() -> None:
    torch.manual_seed(0)
    fusion = CrossAttentionFusion(WIDTH, HEADS).eval()
    one = batch(5)
    with torch.autocast("cpu", torch.bfloat16):
        one["fused"] = fusion(one["audio_steps"], one["midi_steps"], one["mask"])
    watch = seen(one)
    assert not any(part.requires_grad for part in watch.vectors[min(watch.vectors)])
    found = watch.result()
    assert 0 < found.attention_share["audio_to_midi"] < 1
    assert 0.5 < found.attention_entropy["audio_to_midi"] <= 1
    assert found.gate_mean is None
