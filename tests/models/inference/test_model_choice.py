from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degradation.errors import UserError
from models.config.experiment import ExperimentConfig
from models.inference.model_choice import ModelChoice, best_model


def test_the_best_has_the_highest_defined_r_on_the_mean() -> None:
    r = {"audio_only": (0.5, 0.9), "gated": (0.8, np.nan), "concat": (np.nan, np.nan)}
    assert best_model(r) == "gated"  # type: ignore[arg-type]
    assert best_model({"concat": (0.5,), "gated": (0.5,)}) == "concat"


def test_the_validation_loss_in_a_file_name_chooses_nothing(
    tmp_path: Path, tiny_config: ExperimentConfig, save_model: Callable[..., Any]
) -> None:
    save_model(tmp_path / "gated", "gated", tiny_config, val_r=0.9, val_loss=0.9)
    save_model(tmp_path / "crossattn", "crossattn", tiny_config, val_r=0.8, val_loss=0.1)
    choice = ModelChoice({"gated": tmp_path / "gated", "crossattn": tmp_path / "crossattn"})
    both = frozenset({"audio", "midi"})
    assert choice.choose(both, both) == "gated"  # type: ignore[arg-type]


def test_a_model_without_skill_is_passed_over_and_alone_is_refused(
    tmp_path: Path, tiny_config: ExperimentConfig, save_model: Callable[..., Any]
) -> None:
    both = frozenset({"audio", "midi"})
    save_model(tmp_path / "gated", "gated", tiny_config, val_r=0.29)
    alone = ModelChoice({"gated": tmp_path / "gated"})
    with pytest.raises(UserError, match=r"gated cannot grade.*reaches 0\.3; .*train longer"):
        alone.choose(both, both)  # type: ignore[arg-type]
    save_model(tmp_path / "midi_only", "midi_only", tiny_config, val_r=0.3)
    choice = ModelChoice({"gated": tmp_path / "gated", "midi_only": tmp_path / "midi_only"})
    assert choice.choose(both, both) == "midi_only"  # type: ignore[arg-type]
