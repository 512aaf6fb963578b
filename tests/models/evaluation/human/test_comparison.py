"""The whole comparison on the synthetic checkout, with small models of random weights."""

import dataclasses
import html
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from degradation.errors import UserError
from degradation.recipe import load_recipe
from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment, ExperimentConfig
from models.config.human_validation import HumanValidationConfig, load_human_validation
from models.document import read_document, write_document
from models.evaluation.human.comparison import TrainedModels, compare_with_listeners
from models.evaluation.human.document import HumanValidation
from models.evaluation.human.fine_tuning import compare_starts, start_network
from models.evaluation.human.grading import clip_windows, grade_clips
from models.evaluation.human.page import summary_lines, write_human_validation
from models.evaluation.report.formats import signed
from models.inference.trained_model import TrainedModel
from models.networks.midi_encoder import NoteEncoder
from models.networks.network import GradingNetwork
from models.training.checkpoint import save_best
from models.training.pretraining.result import NAME, PretrainingEpoch, token_version
from models.training.result import HISTORY_FILE, find_best
from storage.corpus import load_corpus_config
from storage.percepiano import RatedClips, read_percepiano

CONFIGS = Path(__file__).parents[4] / "configs"
CORPUS = load_corpus_config(CONFIGS / "corpus.yaml")
INSTRUMENT = load_recipe(CONFIGS / "recipes" / "phase2.yaml").instrument


@pytest.fixture(scope="module")
def quick() -> HumanValidationConfig:
    whole = load_human_validation(CONFIGS / "human_validation.yaml").model_dump()
    whole["random_halves"] = 2
    whole["boosting"] |= {"trees": 10, "least_leaf": 3}
    whole["fine_tuning"] |= {"epochs": 1}
    return HumanValidationConfig.model_validate(whole)


@pytest.fixture(scope="module")
def rated(checkout: Path) -> RatedClips:
    return read_percepiano(checkout)


@pytest.fixture(scope="module")
def models(tiny_config: ExperimentConfig) -> dict[Experiment, TrainedModel]:
    found: dict[Experiment, TrainedModel] = {}
    for name in ("audio_only", "midi_only"):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            network = GradingNetwork(name, tiny_config).eval()
        found[name] = TrainedModel(
            network=network, experiment=name, config=tiny_config, folder=Path()
        )
    return found


@pytest.fixture(scope="module")
def pretrained_dir(tmp_path_factory: pytest.TempPathFactory, tiny_config: ExperimentConfig) -> Path:
    """Where a pretrained encoder lies, of random weights."""
    folder = tmp_path_factory.mktemp("pretrained")
    epoch = PretrainingEpoch(
        epoch=1, train_loss=1, val_loss=1, val_cross_entropy={}, unigram_cross_entropy={},
        learning_rate=0.1, notes_per_s=1, seconds=1,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(8)
        encoder = NoteEncoder(tiny_config.grid_rate_hz, tiny_config.midi_encoder)
    weights = encoder.state_dict()
    about = {
        "midi_encoder": tiny_config.midi_encoder.model_dump(mode="json"),
        "tokens_version": token_version(tiny_config.midi_encoder),
        "epoch": epoch.epoch,
        "val_loss": epoch.val_loss,
    }
    save_best(folder, NAME, about, weights)
    write_document(
        folder / HISTORY_FILE,
        {
            "identity": "identity", "checkpoint": find_best(folder).name, "parameters": 1,
            "epochs": [dataclasses.asdict(epoch)],
        },
    )  # fmt: skip
    return folder


def compare(
    rated: RatedClips, models, trained_on, quick, pretrained_on=(), pretrained_dir=None
) -> HumanValidation:
    trained = TrainedModels(
        models=models,
        trained_on=trained_on,
        pretrained_on=pretrained_on,
        pretrained_dir=pretrained_dir,
    )
    return compare_with_listeners(
        rated, trained, CORPUS, INSTRUMENT, quick, recipe="phase2", log=lambda _: None
    )


@pytest.fixture(scope="module")
def findings(rated: RatedClips, models, quick, pretrained_dir: Path) -> HumanValidation:
    first, *others = (clip for clip in rated.clips if not clip.is_score and clip.bars != 16)
    heard = ("2015/heard.midi", first.performance)
    read = [(f"2017/{clip.stem}.midi", clip.performance) for clip in others[:3]]
    return compare(rated, models, [heard], quick, [heard, *read], pretrained_dir)


def test_score_and_long_clips_are_not_judged_and_one_trained_on_is_left_out(
    findings: HumanValidation,
) -> None:
    assert (findings.clips.read, findings.clips.judged) == (54, 42)
    models = findings.models
    assert models is not None
    assert (models.trained_on, models.judged) == (1, 41)
    assert all(row.pooled.n <= 41 for rows in models.rows.values() for row in rows)
    assert findings.fine_tuning is not None
    assert findings.fine_tuning.clips == 41


def test_clips_that_only_a_models_encoder_has_read_are_counted(findings: HumanValidation) -> None:
    assert findings.models is not None
    assert findings.models.pretrained_on == 3


def test_training_on_damage_is_judged_against_a_start_that_lacks_it_alone(
    findings: HumanValidation,
) -> None:
    tuned = findings.fine_tuning
    assert tuned is not None
    assert tuned.gain_over == "pretrained"
    from_checkpoint, from_pretrained, from_scratch = (
        tuned.starts[name].within_r for name in ("checkpoint", "pretrained", "scratch")
    )
    assert tuned.gain == pytest.approx(from_checkpoint - from_pretrained)
    assert from_pretrained != from_scratch
    assert tuned.known_works


def test_the_pretrained_start_has_the_encoder_and_a_fresh_rest(
    models, pretrained_dir: Path
) -> None:
    pretrained, scratch, checkpoint = (
        start_network(start, models["midi_only"], pretrained_dir, 1).state_dict()
        for start in ("pretrained", "scratch", "checkpoint")
    )
    stored = torch.load(find_best(pretrained_dir), weights_only=True)
    for name, weights in pretrained.items():
        expected = stored.get(name.removeprefix("midi_encoder."), scratch[name])
        assert torch.equal(weights, expected), name
    assert any(not torch.equal(weights, scratch[name]) for name, weights in pretrained.items())
    for name, weights in models["midi_only"].network.state_dict().items():
        assert "head" in name or torch.equal(weights, checkpoint[name])


def test_what_listeners_were_made_to_hear_is_found(findings: HumanValidation) -> None:
    """The invented ratings of loudness follow the velocity, and nothing follows anything else."""
    loud = next(row for row in findings.heuristics if row.scale == "timbre soft–loud")
    assert loud.verdict == "follows"
    assert loud.within.rho > 0.7
    assert loud.baseline_rho > 0.5
    mean_loudness = findings.reliability["timbre soft–loud"]
    others = [found for scale, found in findings.reliability.items() if "loud" not in scale]
    assert mean_loudness.icc_1 > 0.8 > 0.3 > max(found.icc_1 for found in others)


def test_models_trained_on_every_clip_are_not_compared_and_functions_are_as_before(
    findings: HumanValidation,
    rated: RatedClips,
    models,
    quick: HumanValidationConfig,
    tmp_path: Path,
) -> None:
    trained_on = [(clip.stem, clip.performance) for clip in rated.clips]
    found = compare(rated, {"midi_only": models["midi_only"]}, trained_on, quick)
    assert found.functions == findings.functions, "the same seed gives the same figures"
    assert (found.models, found.fine_tuning) == (None, None)
    assert found.not_compared == "all clips trained on"
    page = write_human_validation(found, tmp_path).html.read_text()
    assert "every clip was cut from a performance that they were trained on" in page


def test_fine_tuning_repeats_and_without_an_encoder_compares_with_random_weights(
    rated: RatedClips, models, quick: HumanValidationConfig
) -> None:
    clips = [clip for clip in rated.clips if not clip.is_score and clip.bars != 16][::5]
    once, again = (
        compare_starts(
            models["midi_only"], None, clips, np.zeros((len(clips), 1)), (), CORPUS, quick
        )
        for _ in range(2)
    )
    assert repr(once) == repr(again), "NaN is not equal to itself"
    tuned, reason = once
    assert tuned is not None
    assert (set(tuned.starts), tuned.gain_over) == ({"checkpoint", "scratch"}, "scratch")
    assert reason is None


def test_fine_tuning_needs_a_model_and_two_works(
    rated: RatedClips, models, quick: HumanValidationConfig
) -> None:
    clips = [clip for clip in rated.clips if clip.work == "Schubert_D960"]
    for model, reason in ((None, "midi_only not trained"), (models["midi_only"], "one work")):
        found = compare_starts(model, None, clips, np.zeros((1, 1)), (), CORPUS, quick)
        assert found == (None, reason)


def test_the_document_reads_back_and_the_page_shows_its_figures(
    findings: HumanValidation, tmp_path: Path
) -> None:
    paths = write_human_validation(findings, tmp_path)
    read = read_document(paths.json, HumanValidation)
    assert repr(read) == repr(findings), "NaN is not equal to itself"
    page = html.unescape(paths.html.read_text())
    lines = summary_lines(findings)
    assert len(lines) == 3
    assert all(line in page for line in lines)
    assert findings.models is not None
    for row in [*findings.functions, *findings.models.rows["midi_only"], *findings.heuristics]:
        assert f"<b>{signed(row.within.rho, 2)}</b>" in page
    of_models = sum(map(len, findings.models.rows.values()))
    assert page.count('class="dot"') == len(findings.functions) + of_models
    assert not re.search(r"\b(nan|None|undefined)\b", page)


def test_clips_of_one_work_are_refused(rated: RatedClips, quick: HumanValidationConfig) -> None:
    one = tuple(clip for clip in rated.clips if clip.work == "Schubert_D960")
    with pytest.raises(UserError, match="clips of 1 works by human players"):
        compare(dataclasses.replace(rated, clips=one), {}, [], quick)


def test_a_batch_grades_each_clip_as_it_would_alone(rated: RatedClips, models) -> None:
    clips = list(rated.clips[:5])
    together = grade_clips(clips, models, CORPUS, INSTRUMENT)
    for name in models:
        assert together[name].shape == (5, len(DIMENSIONS))
        alone = grade_clips(clips[3:4], models, CORPUS, INSTRUMENT)[name][0]
        assert together[name][3] == pytest.approx(alone, abs=1e-3)


def test_sound_and_notes_of_a_window_belong_together(rated: RatedClips) -> None:
    for window in clip_windows(rated.clips[0].performance, CORPUS, INSTRUMENT):
        assert window.sound is not None
        assert window.sound.duration_s == pytest.approx(window.duration_s, abs=1e-4)
        assert np.abs(window.sound.samples).max() > 0.001
