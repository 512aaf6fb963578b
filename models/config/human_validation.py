"""`configs/human_validation.yaml`: how functions and models are compared with listeners."""

from pathlib import Path

from models.config.section import Count, NotNegative, Positive, Section, load_section


class BoostingConfig(Section):
    """Gradient-boosted trees: how many, how fast, how deep, and the clips a leaf has at least."""

    trees: Count
    learning_rate: Positive
    deepest: Count
    least_leaf: Count


class FineTuningConfig(Section):
    """The schedule of fine-tuning; `seeds` trainings a fold, of which predictions are averaged."""

    epochs: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: NotNegative
    seeds: Count


class HumanValidationConfig(Section):
    """Everything that a comparison with listeners chooses."""

    seed: int
    random_halves: Count
    boosting: BoostingConfig
    fine_tuning: FineTuningConfig


def load_human_validation(path: Path) -> HumanValidationConfig:
    """Return the configuration of a YAML file; UserError as in `load_section`."""
    return load_section(path, HumanValidationConfig)
