"""What the audio encoder makes of levels: a recording's own are seen, and seen past."""

import pytest
import torch

from models.config.audio import AudioEncoderConfig
from models.networks.audio_encoder import AudioEncoder

BANDS, FRAMES_A_STEP = 6, 2
CONFIG = AudioEncoderConfig(
    centre=-70.0, scale=20.0, width=8, blocks=1, kernel_frames=3, dropout=0.0
)


@pytest.fixture
def encoder() -> AudioEncoder:
    torch.manual_seed(0)
    return AudioEncoder(BANDS, FRAMES_A_STEP, CONFIG).eval()


@pytest.fixture
def level_db() -> torch.Tensor:
    return torch.randn(2, 20, BANDS, generator=torch.Generator().manual_seed(1)) * 10 - 60


FRAMES = torch.tensor([20, 13])


def test_an_equaliser_moves_levels_and_not_their_course(encoder, level_db) -> None:
    equalised = level_db + torch.linspace(-6, 6, BANDS)
    assert (encoder(equalised, FRAMES) - encoder(level_db, FRAMES)).abs().max() > 0.01
    with torch.no_grad():
        encoder.stem.weight[:, :BANDS] = 0  # deaf to levels
    heard, expected = encoder(equalised, FRAMES), encoder(level_db, FRAMES)
    torch.testing.assert_close(heard, expected, rtol=0, atol=1e-5)
    louder_at_once = level_db.clone()
    louder_at_once[:, 5:] += 6
    assert (encoder(louder_at_once, FRAMES) - expected).abs().max() > 0.01


def test_a_clip_is_measured_by_itself(encoder, level_db) -> None:
    alone = encoder(level_db[1:, :14], FRAMES[1:])
    torch.testing.assert_close(encoder(level_db, FRAMES)[1:, :7], alone, rtol=0, atol=1e-5)


def test_without_a_width_steps_are_means_of_frames(level_db) -> None:
    plain = AudioEncoder(BANDS, 2, CONFIG.model_copy(update={"width": None, "blocks": 0}))
    expected = (level_db.reshape(2, 10, 2, BANDS).mean(2) + 70) / 20
    torch.testing.assert_close(plain(level_db, torch.tensor([20, 20])), expected)
