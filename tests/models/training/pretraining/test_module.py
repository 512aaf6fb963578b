import math

import pytest
import torch

from models.networks.midi_encoder import NoteEncoder
from models.tokens.tokenisers import TOKENISERS
from models.training.pretraining.module import MaskedNoteModel, field_losses, total_loss
from models.training.pretraining.windows import MaskedWindows


@pytest.mark.parametrize("tokens", list(TOKENISERS))
def test_logits_of_each_field_of_each_guessed_note(random_notes, config, tokens) -> None:
    encoder = config.midi_encoder.model_copy(update={"tokens": tokens})
    config = config.model_copy(update={"midi_encoder": encoder})
    batch = next(iter(MaskedWindows(random_notes, config, 0)))
    vocabulary = TOKENISERS[tokens].vocabulary
    model = MaskedNoteModel(NoteEncoder(10, encoder), vocabulary)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(batch)
    shapes = {field: (len(batch.classes), size) for field, size in vocabulary.items()}
    assert {field: tuple(guess.shape) for field, guess in logits.items()} == shapes
    assert all(guess.dtype == torch.float32 for guess in logits.values())
    loss = total_loss(field_losses(logits, batch.classes), vocabulary)
    loss.backward()
    assert loss.isfinite()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


def test_knowing_nothing_costs_the_logarithm_of_the_classes() -> None:
    logits = {"one": torch.zeros(5, 8), "other": torch.zeros(5, 3)}
    losses = field_losses(logits, torch.zeros(5, 2, dtype=torch.int64))
    assert float(losses["one"]) == pytest.approx(math.log(8))
    assert float(losses["other"]) == pytest.approx(math.log(3))


def test_each_field_is_held_to_its_own_column() -> None:
    classes = torch.tensor([[2, 0], [1, 1]])
    sure = {
        "one": 50 * torch.nn.functional.one_hot(classes[:, 0], 3).float(),
        "other": 50 * torch.nn.functional.one_hot(classes[:, 1], 2).float(),
    }
    assert all(float(loss) < 1e-6 for loss in field_losses(sure, classes).values())
    assert all(float(loss) > 1 for loss in field_losses(sure, classes.flip(0)).values())


def test_fields_weigh_by_their_classes() -> None:
    losses = {"one": torch.tensor(2.0), "other": torch.tensor(5.0)}
    assert float(total_loss(losses, {"one": 30, "other": 10})) == pytest.approx(2.75)
