"""Laws that hold for every experiment's network as a whole: shapes, padding, order of rows."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from labeling.measures import PLAIN
from models.config.experiment import EXPERIMENTS, ExperimentConfig
from models.config.losses import ModalityHeadsConfig
from models.inputs.batch import Batch, Example, NoteBatch, collate
from models.inputs.feature_reader import Features, NoteFeatures
from models.networks.network import GradingNetwork, Presence, draw_presence
from models.tokens.tokenisers import TOKENISERS
from models.training.grading import PARTS_OF


def example(name: str, frames: int, notes: int, config: ExperimentConfig) -> Example:
    rng = np.random.default_rng(len(name) + frames + notes)
    tokens = np.zeros(notes, TOKENISERS["performance"].dtype)
    length_s = frames / config.audio_features.frame_rate_hz
    tokens["onset_s"] = np.sort(rng.uniform(0, length_s, notes))
    tokens["duration_s"] = tokens["sounding_s"] = rng.uniform(0.05, 1, notes)
    tokens["pitch"], tokens["velocity"] = rng.integers(30, 90, (2, notes))
    audio = rng.normal(-70, 20, (frames, config.audio_features.width)).astype(np.float16)
    measures = rng.normal(size=len(PLAIN)).astype(np.float32)
    heard = tokens[::2].copy()
    heard["velocity"] += 1
    features = Features(
        sample_id=name,
        duration_s=length_s,
        audio=audio,
        notes=NoteFeatures(tokens=tokens, measures=measures),
        heard=NoteFeatures(tokens=heard, measures=measures[::-1]) if config.hearing else None,
    )
    return Example(features=features, scores=rng.uniform(50, 100, 8).astype(np.float32))


def batch_of(examples: list[Example], config: ExperimentConfig) -> Batch:
    return collate(examples, config)


@pytest.fixture(params=[False, True], ids=["features alone", "hears notes"])
def tiny_config(
    request: pytest.FixtureRequest, tiny_config: ExperimentConfig, demo_config: ExperimentConfig
) -> ExperimentConfig:
    hearing = demo_config.hearing if request.param else None
    return tiny_config.model_copy(update={"hearing": hearing})


@pytest.fixture
def examples(tiny_config) -> list[Example]:
    sizes = [(40, 9), (31, 3), (7, 1), (60, 25), (20, 0)]
    return [example(f"s{i}", *size, tiny_config) for i, size in enumerate(sizes)]


@pytest.fixture(params=EXPERIMENTS)
def network(request: pytest.FixtureRequest, tiny_config) -> GradingNetwork:
    torch.manual_seed(3)
    return GradingNetwork(request.param, tiny_config).eval()


def test_every_weight_of_one_modality_counts_in_its_gradient(network) -> None:
    """What is left of a single modality's weights is what a fusion shares."""
    for modality in network.modalities:
        alone = network.modalities == {modality}
        names = {name for name, _ in network.named_parameters()}
        own = {name for name in names if name.startswith(PARTS_OF[modality])}
        assert own
        left = {name.split(".")[0] for name in names - own}
        assert not alone or left <= {"aggregation", "head", "detector"}


def test_shapes_and_range(network, examples, tiny_config) -> None:
    batch = batch_of(examples, tiny_config)
    grades = network(batch)
    assert grades.scores.shape == (5, 8)
    assert grades.scores.dtype == torch.float32
    assert (grades.scores - tiny_config.head.score_centre).abs().max() < 50
    fused = len(network.modalities) == 2
    assert (grades.fused is not None) == fused
    if fused:
        assert grades.fused.steps.shape == (5, 30, tiny_config.projection.width)
    assert (fused and grades.fused.gate is not None) == (network.experiment == "gated")


def test_padding_changes_nothing(network, examples, tiny_config) -> None:
    together = network(batch_of(examples, tiny_config)).scores
    for row, alone in enumerate(examples):
        scores = network(batch_of([alone], tiny_config)).scores[0]
        torch.testing.assert_close(together[row], scores, rtol=0, atol=2e-5)


def test_what_lies_in_the_padding_is_not_heard(network, examples, tiny_config) -> None:
    batch = batch_of(examples, tiny_config)
    before = network(batch).scores
    for row in range(5):
        batch.audio[row, batch.audio_frames[row] :] = 30.0
        for notes in filter(None, (batch.notes, batch.heard)):
            for field in notes.fields.values():
                field[row][~notes.mask[row]] = 3
    torch.testing.assert_close(network(batch).scores, before, rtol=0, atol=2e-5)


def test_rows_do_not_hear_each_other(network, examples, tiny_config) -> None:
    forward = network(batch_of(examples, tiny_config)).scores
    backward = network(batch_of(examples[::-1], tiny_config)).scores
    torch.testing.assert_close(forward, backward.flip(0), rtol=0, atol=2e-5)


def test_every_weight_learns(network, examples, tiny_config) -> None:
    batch = batch_of(examples, tiny_config)
    present = torch.tensor([True, False, True, True, True])
    grades = network(batch, Presence(audio=present, midi=present.flip(0)))
    (grades.scores.square().mean() + grades.ordinal_logits.square().mean()).backward()
    idle = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert all(name.startswith("detector.") for name in idle)
    grads = [weight.grad for weight in network.parameters() if weight.grad is not None]
    assert all(torch.isfinite(grad).all() for grad in grads)


def test_a_fusion_answers_with_one_modality(network, examples, tiny_config) -> None:
    if len(network.modalities) == 1:
        pytest.skip("it has no other modality")
    torch.nn.init.normal_(network.no_audio)
    torch.nn.init.normal_(network.no_midi)
    batch = batch_of(examples, tiny_config)
    everyone, nobody = torch.ones(5, dtype=torch.bool), torch.zeros(5, dtype=torch.bool)
    told = network(batch, Presence(audio=nobody, midi=everyone)).scores
    batch.audio = batch.audio_frames = None
    alone = network(batch).scores
    torch.testing.assert_close(told, alone, rtol=0, atol=2e-5)
    both = network(batch_of(examples, tiny_config)).scores
    assert (alone - both).abs().max() > 1e-4


def test_what_is_not_present_is_not_heard(network, examples, tiny_config) -> None:
    if len(network.modalities) == 1:
        pytest.skip("it has no other modality")
    batch = batch_of(examples, tiny_config)
    present = torch.tensor([True, False, True, False, True])
    presence = Presence(audio=present, midi=~present | present)
    before = network(batch, presence).scores
    batch.audio[~present] = 0.0
    torch.testing.assert_close(network(batch, presence).scores, before, rtol=0, atol=2e-5)
    batch.audio[present] = 0.0
    assert (network(batch, presence).scores - before).abs().max() > 1e-4


@pytest.mark.parametrize("experiment", ["midi_only", "gated"])
def test_heads_of_modalities_hear_their_own_alone_and_in_training_alone(
    experiment, examples, tiny_config
) -> None:
    torch.manual_seed(3)
    loss = tiny_config.loss.model_copy(update={"modality_heads": ModalityHeadsConfig(weight=0.5)})
    network = GradingNetwork(experiment, tiny_config.model_copy(update={"loss": loss})).eval()
    batch = batch_of(examples, tiny_config)
    assert not network(batch).by_modality
    network.training = True  # and no part of it: dropout stays off
    before = network(batch).by_modality
    assert set(before) == ({"audio", "midi"} if experiment == "gated" else set())
    if before:
        before["audio"].sum().backward()
        assert network.audio_projection.linear.weight.grad is not None
        assert network.midi_projection.linear.weight.grad is None
        batch.audio.zero_()
        after = network(batch).by_modality
        assert torch.equal(after["midi"], before["midi"])
        assert (after["audio"] - before["audio"]).abs().max() > 1e-4


def test_each_modality_is_also_heard_beside_the_fusion(network, examples, tiny_config) -> None:
    if len(network.modalities) == 1:
        pytest.skip("there is nothing to fuse")
    with torch.no_grad():
        for weight in network.fusion.parameters():
            weight.zero_()
    batch = batch_of(examples, tiny_config)
    whole = network(batch).scores
    batch.audio.zero_()
    without_audio = network(batch).scores
    assert (without_audio - whole).abs().max() > 1e-4
    batch.notes.fields["velocity"] = batch.notes.fields["velocity"].flip(1)
    assert (network(batch).scores - without_audio).abs().max() > 1e-4


@pytest.mark.parametrize("kind", ["notes", "heard"])
def test_notes_and_their_measures_tell(network, examples, tiny_config, kind: str) -> None:
    """Each moves the grades of models that read the modality, and of no others."""
    modality = "midi" if kind == "notes" else "audio"
    reads = modality in network.modalities and (kind == "notes" or tiny_config.hearing is not None)
    whole = network(batch_of(examples, tiny_config)).scores

    def moved(change: Callable[[NoteBatch], None]) -> bool:
        batch = batch_of(examples, tiny_config)
        if notes := getattr(batch, kind):
            change(notes)
        return float((network(batch).scores - whole).abs().max()) > 1e-4

    def other_velocities(notes: NoteBatch) -> None:
        notes.fields["velocity"] = notes.fields["velocity"].flip(1)

    def other_measures(notes: NoteBatch) -> None:
        notes.measures = notes.measures.flip(1)

    assert moved(other_measures) == reads
    assert moved(other_velocities) == (reads and network.experiment != "heuristics_only")


def test_presence_is_drawn_at_its_rate_and_leaves_something() -> None:
    drawn = draw_presence(20_000, 0.3, torch.Generator().manual_seed(1))
    assert (drawn.audio | drawn.midi).all()
    assert float((~drawn.audio).float().mean()) == pytest.approx(0.15, abs=0.01)
    assert float((~drawn.midi).float().mean()) == pytest.approx(0.15, abs=0.01)
    assert draw_presence(50, 0.0, torch.Generator()).both.all()


def test_a_missing_modality_is_named(network, examples, tiny_config) -> None:
    batch = batch_of(examples, tiny_config)
    if "audio" in network.modalities:
        batch.audio = None
    if "midi" in network.modalities:
        batch.notes = None
    with pytest.raises(ValueError, match=network.experiment):
        network(batch)


def test_the_demo_models_are_small(demo_config) -> None:
    for experiment in EXPERIMENTS:
        network = GradingNetwork(experiment, demo_config)
        weights = sum(w.numel() for w in network.parameters() if w.requires_grad)
        assert 10_000 < weights < 500_000


def test_a_pretrained_encoder_has_a_fresh_reader_beside_it(examples, tiny_config) -> None:
    """What it hears reaches the scores where the encoder itself says nothing."""
    torch.manual_seed(3)
    network = GradingNetwork("midi_only", tiny_config).eval()
    with torch.no_grad():
        network.midi_encoder.layers.norm.weight.zero_()  # the encoder's last word
    batch = batch_of(examples, tiny_config)
    plain = network(batch).scores
    assert batch.notes is not None
    batch.notes.fields["velocity"] = batch.notes.fields["velocity"].flip(1)
    assert (network(batch).scores - plain).abs().max() > 1e-4
