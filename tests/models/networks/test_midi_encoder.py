import math

import numpy as np
import pytest
import torch

from models.config.midi import MidiEncoderConfig, TokenName
from models.networks.midi_encoder import LONGEST_RUN, NoteEncoder, anchors, notes_on_steps
from models.tokens.tokenisers import TOKENISERS

CONFIG = MidiEncoderConfig(
    tokens="performance",
    width=16,
    layers=2,
    heads=2,
    feedforward=16,
    dropout=0.0,
    shortest_period_s=0.02,
    longest_period_s=20.0,
    time_unit_s=0.002,
)
TOKENS: tuple[TokenName, ...] = ("performance", "octuple")

Notes = dict[str, torch.Tensor]


def encoder(tokens: TokenName, grid_rate_hz: int = 10) -> NoteEncoder:
    torch.manual_seed(0)
    return NoteEncoder(grid_rate_hz, CONFIG.model_copy(update={"tokens": tokens})).eval()


def drawn_notes(tokens: TokenName, seed: int, shape: tuple[int, int] = (3, 20)) -> Notes:
    """Fields at random, onsets rising."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros(shape, TOKENISERS[tokens].dtype)
    for name in drawn.dtype.names or ():
        floating = drawn.dtype[name].kind == "f"
        drawn[name] = rng.random(shape) * 3 if floating else rng.integers(0, 32, shape)
    for name in {"onset_s", "measure", "position"} & set(drawn.dtype.names or ()):
        drawn[name] = np.sort(drawn[name], axis=1)
    return {name: torch.from_numpy(drawn[name].copy()) for name in drawn.dtype.names or ()}


def lengths_mask(*lengths: int) -> torch.Tensor:
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def test_notes_land_on_the_step_of_their_onset() -> None:
    embedded = torch.eye(4)[None]
    onset_s = torch.tensor([[0.0, 0.05, 0.31, 0.1]])
    mask = torch.tensor([[True, True, True, False]])
    mean, count = notes_on_steps(embedded, onset_s, mask, steps=5, grid_rate_hz=10)
    assert count.tolist() == [[2.0, 0.0, 0.0, 1.0, 0.0]]
    assert mean[0, 0].tolist() == [0.5, 0.5, 0.0, 0.0]
    assert mean[0, 3].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert mean[0, [1, 2, 4]].abs().sum() == 0


@pytest.mark.parametrize("step", range(0, 1000, 37))
def test_an_onset_on_a_step_boundary_belongs_to_the_step_it_begins(step: int) -> None:
    onset_s = torch.tensor([[math.ceil(step / 10 * 20_000) / 20_000]], dtype=torch.float32)
    one = torch.ones(1, 1, 1)
    _, count = notes_on_steps(one, onset_s + 1e-4, torch.ones(1, 1) > 0, 1000, 10)
    assert count[0].argmax() == step


def test_a_later_performance_lands_later() -> None:
    torch.manual_seed(0)
    embedded, onset_s = torch.randn(2, 30, 4), torch.rand(2, 30) * 3
    mask = torch.rand(2, 30) > 0.3
    here, _ = notes_on_steps(embedded, onset_s, mask, 60, 10)
    later, _ = notes_on_steps(embedded, onset_s.double() + 2, mask, 60, 10)
    torch.testing.assert_close(later[:, 20:], here[:, :40])
    assert later[:, :20].abs().sum() == 0


def test_the_order_of_notes_does_not_matter_to_pooling() -> None:
    torch.manual_seed(0)
    embedded, onset_s = torch.randn(1, 30, 4), torch.rand(1, 30) * 3
    mask, order = torch.ones(1, 30) > 0, torch.randperm(30)
    here, _ = notes_on_steps(embedded, onset_s, mask, 30, 10)
    there, _ = notes_on_steps(embedded[:, order], onset_s[:, order], mask, 30, 10)
    torch.testing.assert_close(here, there)


def test_none_is_dropped_beyond_the_grid() -> None:
    _, count = notes_on_steps(
        torch.ones(1, 2, 1), torch.tensor([[0.1, 9.0]]), torch.ones(1, 2) > 0, 5, 10
    )
    assert count.sum() == 2
    assert count[0, 4] == 1


def test_many_notes_are_counted_in_bfloat16_too() -> None:
    many = torch.ones(1, 1000, 1, dtype=torch.bfloat16)
    mean, count = notes_on_steps(many, torch.zeros(1, 1000), torch.ones(1, 1000) > 0, 1, 10)
    assert count.tolist() == [[1000.0]]
    assert mean.tolist() == [[[1.0]]]


@pytest.mark.parametrize("tokens", TOKENS)
def test_empty_steps_get_the_learned_vector(tokens: TokenName) -> None:
    net = encoder(tokens)
    torch.nn.init.constant_(net.nothing_struck, 7.0)
    notes = drawn_notes(tokens, 0, (1, 2))
    begins = {"onset_s": [0.0, 0.45], "measure": [0, 0], "position": [0, 14]}
    for name in begins.keys() & notes.keys():
        notes[name] = torch.tensor([begins[name]], dtype=notes[name].dtype)
    steps = net(notes, torch.ones(1, 2) > 0, 6)[0]
    assert (steps == 7.0).all(dim=1).tolist() == [False, True, True, True, False, True]


def test_what_is_said_beside_the_encoder_lands_with_its_note() -> None:
    net, notes, mask = (
        encoder("performance"),
        drawn_notes("performance", 3),
        lengths_mask(20, 20, 20),
    )
    beside = torch.zeros(3, 20, CONFIG.width)
    beside[1, 7] = 1
    step = int(notes["onset_s"][1, 7] * 10)
    moved = net(notes, mask, 30, beside=beside) - net(notes, mask, 30)
    assert moved[1, step].abs().min() > 0.01
    assert moved.abs().sum(-1).nonzero().tolist() == [[1, step]]


@pytest.mark.parametrize("tokens", TOKENS)
def test_padding_changes_nothing(tokens: TokenName) -> None:
    net, notes = encoder(tokens), drawn_notes(tokens, 1, (1, 20))
    masked = torch.zeros(1, 20) > 0
    masked[0, [2, 7, 11]] = True
    short = {name: field[:, :12] for name, field in notes.items()}
    alone = net.encode(short, lengths_mask(12), masked[:, :12])
    padded = net.encode(notes, torch.arange(20)[None] < 12, masked)
    torch.testing.assert_close(padded[:, :12], alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tokens", TOKENS)
def test_silence_is_no_accident(tokens: TokenName) -> None:
    net, notes = encoder(tokens), drawn_notes(tokens, 2, (2, 5))
    steps = net(notes, lengths_mask(5, 0), 30)
    assert steps.isfinite().all()
    assert (steps[1] == net.nothing_struck).all()


def test_anchors() -> None:
    onset_s = torch.tensor([[0.5, 1.0, 2.0, 3.0, 4.0]])
    visible = torch.tensor([[False, True, False, False, True]])
    anchor_s, places = anchors(onset_s, visible)
    assert anchor_s.tolist() == [[0.0, 1.0, 1.0, 1.0, 4.0]]
    assert places.tolist() == [[1, 0, 1, 2, 0]]


def drawn_mask(note_mask: torch.Tensor, share: float, seed: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return (torch.rand(note_mask.shape, generator=rng) < share) & note_mask


def other_values(tokens: TokenName, masked: torch.Tensor, notes: Notes, seed: int) -> Notes:
    """The same notes, but for all fields of the masked ones."""
    others = drawn_notes(tokens, seed)
    return {name: torch.where(masked, others[name], field) for name, field in notes.items()}


@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("share", [0.15, 0.6, 1.0])
def test_nothing_that_is_heard_depends_on_a_masked_note(
    tokens: TokenName, training: bool, share: float
) -> None:
    net, note_mask = encoder(tokens).train(training), lengths_mask(20, 13, 1)
    notes = drawn_notes(tokens, 3)
    masked = drawn_mask(note_mask, share, 4)
    others = other_values(tokens, masked, notes, 5)
    heard = net.encode(notes, note_mask, masked)[note_mask]
    assert torch.equal(net.encode(others, note_mask, masked)[note_mask], heard)
    heard.square().sum().backward()
    told = {name: weight.grad for name, weight in net.named_parameters()}
    net.zero_grad()  # to None: `told` keeps its tensors
    net.encode(others, note_mask, masked)[note_mask].square().sum().backward()
    learnt = [name for name, gradient in told.items() if gradient is not None]
    assert "hidden_note" in learnt
    for name in learnt:
        assert told[name].isfinite().all(), name
        assert torch.equal(net.get_parameter(name).grad, told[name]), name


@pytest.mark.parametrize("tokens", TOKENS)
def test_a_visible_note_is_heard_by_the_masked_ones(tokens: TokenName) -> None:
    net, note_mask = encoder(tokens), lengths_mask(20, 20, 20)
    notes, masked = drawn_notes(tokens, 3), drawn_mask(note_mask, 0.2, 4)
    changed = notes | {"velocity": torch.where(masked, notes["velocity"], 31 - notes["velocity"])}
    before, after = (net.encode(given, note_mask, masked)[masked] for given in (notes, changed))
    assert (before - after).abs().max() > 1e-4


def test_a_masked_note_knows_its_place_in_the_order() -> None:
    net, notes = encoder("performance"), drawn_notes("performance", 3, (1, 20))
    masked = torch.zeros(1, 20) > 0
    masked[0, 5:7] = masked[0, 9] = True
    heard = net.encode(notes, torch.ones(1, 20) > 0, masked)[masked]
    assert torch.pdist(heard).min() > 1e-4


def test_a_long_run_of_masked_notes_is_no_accident() -> None:
    net, notes = encoder("octuple"), drawn_notes("octuple", 3, (1, 20))
    assert LONGEST_RUN < 19
    assert net.encode(notes, torch.ones(1, 20) > 0, torch.ones(1, 20) > 0).isfinite().all()


@pytest.mark.parametrize("tokens", TOKENS)
def test_no_mask_and_a_mask_of_nothing_are_one(tokens: TokenName) -> None:
    net, note_mask = encoder(tokens), lengths_mask(20, 13, 1)
    notes = drawn_notes(tokens, 6)
    none = torch.zeros_like(note_mask)
    assert torch.equal(net.encode(notes, note_mask), net.encode(notes, note_mask, none))


@pytest.mark.parametrize("tokens", TOKENS)
def test_every_weight_that_listens_has_a_gradient_without_masks(tokens: TokenName) -> None:
    net = encoder(tokens)
    net(drawn_notes(tokens, 7), lengths_mask(20, 13, 1), 30).sum().backward()
    idle = [name for name, weight in net.named_parameters() if weight.grad is None]
    assert idle == [], "training on several devices waits for every gradient"


@pytest.mark.parametrize("tokens", TOKENS)
def test_bfloat16_is_near_float32(tokens: TokenName) -> None:
    net, note_mask = encoder(tokens), lengths_mask(20, 13, 1)
    notes = drawn_notes(tokens, 8)
    exact = net(notes, note_mask, 30)
    with torch.autocast("cpu", torch.bfloat16):
        near = net(notes, note_mask, 30)
    assert near.dtype == torch.float32
    torch.testing.assert_close(near, exact, rtol=0, atol=0.05)


def test_ten_milliseconds_are_told_apart() -> None:
    net, notes = encoder("performance"), drawn_notes("performance", 9, (1, 2))
    together, apart = (
        net.embed(notes | {"onset_s": torch.tensor([[1.0, 1.0 + gap_s]])}, lengths_mask(2))
        for gap_s in (0.0, 0.010)
    )
    assert (together - apart).abs().max() > 0.05
