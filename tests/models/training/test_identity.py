import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from models.config.experiment import ExperimentConfig
from models.config.section import Section
from models.training.identity import training_identity

SETTINGS_NOT_IN_IDENTITY = {
    "experiments",
    "torch_threads",
    "training.rows_per_read",
    "training.loader_workers",
    "training.progress_every_s",
}

OF_FUSIONS = ("loss.contrastive.", "loss.modality_heads")


def each_setting_changed(section: Section) -> Iterator[tuple[str, Any]]:
    """Yield every setting's name, and the section with just that one changed."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            for inner, changed in each_setting_changed(value):
                yield f"{name}.{inner}", section.model_copy(update={name: changed})
        else:
            other: Any = 7.0
            if isinstance(value, bool):
                other = not value
            elif isinstance(value, str):
                other = f"{value}'"
            elif isinstance(value, tuple):
                other = value[:1]
            elif value is not None:
                other = value + 1
            yield name, section.model_copy(update={name: other})


@pytest.mark.parametrize(
    ("experiment", "hears", "unused"),
    [
        ("audio_only", False, ("midi_encoder.", "fusion.", *OF_FUSIONS)),
        ("audio_only", True, ("fusion.", *OF_FUSIONS)),
        (
            "midi_only",
            True,
            ("audio_features.", "audio_encoder.", "hearing.", "fusion.", *OF_FUSIONS),
        ),
        ("gated", True, ("fusion.heads",)),
        ("concat", False, ("fusion.heads",)),
        ("crossattn", True, ()),
    ],
)
def test_it_follows_from_what_a_training_does_and_from_nothing_else(
    corpus,
    tiny_config: ExperimentConfig,
    demo_config: ExperimentConfig,
    experiment: Any,
    hears: bool,
    unused: tuple[str, ...],
) -> None:
    """How the detector was trained is in the names of the features, which it has made."""
    used = tiny_config
    if hears:
        used = tiny_config.model_copy(update={"hearing": demo_config.hearing})
    identity = training_identity(experiment, used, corpus.parts, corpus.samples, None)
    for name, config in each_setting_changed(used):
        changed = training_identity(experiment, config, corpus.parts, corpus.samples, None)
        of_pretraining = name.startswith(("pretraining.", "hearing."))
        matters = name not in SETTINGS_NOT_IN_IDENTITY and not name.startswith(unused or "-")
        matters &= not of_pretraining or (
            name.startswith("hearing.detector.") and not name.startswith(unused or "-")
        )
        assert (changed != identity) == matters, name


def test_it_knows_the_experiment_the_features_and_the_scores(corpus, tiny_config) -> None:
    parts, samples = corpus.parts, corpus.samples
    other_audio = ("file:///other.parquet", *parts.audio_features[1:])
    other_midi = ("file:///other.parquet", *parts.midi_tokens[1:])
    raised = samples.assign(tone_quality=samples["tone_quality"] + 0.001)
    identities = {
        training_identity("gated", tiny_config, parts, samples, None),
        training_identity("gated", tiny_config, parts, samples, "pretrained"),
        training_identity("gated", tiny_config, parts, samples, "pretrained longer"),
        training_identity("audio_only", tiny_config, parts, samples, None),
        training_identity(
            "gated",
            tiny_config,
            dataclasses.replace(parts, audio_features=other_audio),
            samples,
            None,
        ),
        training_identity(
            "gated", tiny_config, dataclasses.replace(parts, midi_tokens=other_midi), samples, None
        ),
        training_identity("gated", tiny_config, parts, raised, None),
        training_identity("gated", tiny_config, parts, samples.iloc[1:], None),
    }
    assert len(identities) == 8


def test_neither_the_order_of_rows_nor_the_place_of_the_tables_counts(corpus, tiny_config) -> None:
    def moved(uris: tuple[str, ...]) -> tuple[str, ...]:
        return tuple("s3://elsewhere/" + uri.rsplit("/", 1)[-1] for uri in uris)

    elsewhere = dataclasses.replace(
        corpus.parts,
        audio_features=moved(corpus.parts.audio_features),
        midi_tokens=moved(corpus.parts.midi_tokens),
    )
    assert training_identity(
        "gated", tiny_config, elsewhere, corpus.samples.iloc[::-1], None
    ) == training_identity("gated", tiny_config, corpus.parts, corpus.samples, None)


def test_audio_alone_does_not_follow_from_midi(corpus, tiny_config) -> None:
    other = dataclasses.replace(corpus.parts, midi_tokens=("file:///other.parquet",) * 4)
    identities = {
        training_identity("audio_only", tiny_config, parts, corpus.samples, pretrained)
        for parts in (corpus.parts, other)
        for pretrained in (None, "pretrained")
    }
    assert len(identities) == 1
