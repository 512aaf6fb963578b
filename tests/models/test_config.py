from pathlib import Path

import pytest
import yaml

from degradation.errors import UserError
from models.config.experiment import EXPERIMENTS, MODALITIES, load_experiment

CONFIGS = Path(__file__).parents[2] / "configs" / "experiments"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_experiment_file_is_sound(path: Path) -> None:
    config = load_experiment(path)
    assert set(config.experiments) <= set(EXPERIMENTS) == set(MODALITIES)
    assert config.model_validate_json(config.model_dump_json()) == config


def changed(tmp_path: Path, section: str | None, key: str, value: object) -> Path:
    content = yaml.safe_load((CONFIGS / "demo.yaml").read_text())
    (content[section] if section else content)[key] = value
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


ALONE = {"weight": 0.1, "temperature": 0.1, "window_s": 1.0, "alone_epochs": 99}


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("training", "epoch", 3, "training.epoch is an unknown key"),
        ("training", "epochs", -3, "training.epochs should be greater than or equal to 1, got -3"),
        ("training", "learning_rate", "fast", "training.learning_rate should be a number"),
        ("training", "batch_size", 2.5, "training.batch_size should be a whole number"),
        ("audio_features", "highest_hz", 9000.0, "highest_hz <= sample_rate_hz / 2"),
        ("audio_features", "frame_rate_hz", 25, "multiple of grid_rate_hz"),
        ("audio_features", "kind", "wav2vec", "audio_features"),
        ("audio_encoder", "kernel_frames", 4, "must be odd"),
        ("audio_encoder", "width", None, "without a width there can be no blocks"),
        ("midi_encoder", "tokens", "remi", "midi_encoder.tokens"),
        ("loss", "coral", None, "bootstrap works on CORAL's targets"),
        ("loss", "ranking", 0.2, "loss.ranking"),
        ("fusion", "heads", 5, "fusion.heads must divide"),
        ("loss", "contrastive", ALONE, "alone_epochs must be below training.epochs"),
        ("training", "precision", "16", "training.precision"),
        ("aggregation", "heads", 5, "heads must divide"),
        (None, "experiments", ["audio_only", "video_only"], "experiments[1]"),
        (None, "experiments", ["gated", "gated"], "names one twice"),
    ],
)
def test_a_mistake_is_named_in_one_line(
    tmp_path: Path, section: str | None, key: str, value: object, said: str
) -> None:
    path = changed(tmp_path, section, key, value)
    with pytest.raises(UserError) as raised:
        load_experiment(path)
    message = str(raised.value)
    assert said in message
    assert str(path) in message
    assert "\n" not in message


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    content = yaml.safe_load((CONFIGS / "demo.yaml").read_text())
    del content["head"]["hidden"]
    (tmp_path / "gap.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=r"head\.hidden is missing"):
        load_experiment(tmp_path / "gap.yaml")


@pytest.mark.parametrize("text", ["- a list", "a: [unclosed", ""])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(UserError, match=r"odd\.yaml"):
        load_experiment(tmp_path / "odd.yaml")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_experiment(tmp_path / "none.yaml")
