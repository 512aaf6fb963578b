"""The models that stand beside listeners, and the music that they have learnt from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from degradation.notes import Performance
from models.config.experiment import Experiment
from models.inference.trained_model import TrainedModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A recipe's trained models, and what they have read; each is a MIDI file and a performance.

    `trained_on` yields what they were trained on with labels, `pretrained_on` what the pretrained
    encoder that those of MIDI started from has read, without any label: nothing where they started
    from random weights. Then `pretrained_dir`, where that encoder lies, is None.
    """

    models: Mapping[Experiment, TrainedModel]
    trained_on: Iterable[tuple[str, Performance]]
    pretrained_on: Iterable[tuple[str, Performance]]
    pretrained_dir: Path | None
