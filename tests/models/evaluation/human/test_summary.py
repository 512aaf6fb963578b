"""The whole comparison on the synthetic checkout, with small models of random weights."""

import dataclasses
import html
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from degradation.errors import UserError
from degradation.recipe import load_recipe
from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment, ExperimentConfig
from models.config.human_validation import HumanValidationConfig, load_human_validation
from models.evaluation.human.fine_tuning import starts_of
from models.evaluation.human.grading import clip_windows, grade_clips
from models.evaluation.human.report import write_human_report
from models.evaluation.human.summary import Findings, compare_with_listeners
from models.evaluation.human.trained import Trained
from models.inference.scorer import TrainedModel
from models.networks.midi_encoder import NoteEncoder
from models.networks.network import GradingNetwork
from models.training.checkpoint import save_best
from models.training.files import HISTORY_FILE, find_best, write_json
from models.training.pretraining.history import PretrainingEpoch
from models.training.pretraining.result import NAME, token_version
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
        found[name] = TrainedModel(network=network, experiment=name, config=tiny_config)
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
    write_json(
        folder / HISTORY_FILE,
        {
            "identity": "identity", "checkpoint": find_best(folder).name, "parameters": 1,
            "epochs": [dataclasses.asdict(epoch)],
        },
    )  # fmt: skip
    return folder


def compare(
    rated: RatedClips, models, trained_on, quick, pretrained_on=(), pretrained_dir=None
) -> Findings:
    trained = Trained(
        models=models,
        trained_on=trained_on,
        pretrained_on=pretrained_on,
        pretrained_dir=pretrained_dir,
    )
    return compare_with_listeners(
        rated, trained, CORPUS, INSTRUMENT, quick, recipe="phase2", log=lambda _: None
    )


@pytest.fixture(scope="module")
def findings(rated: RatedClips, models, quick, pretrained_dir: Path) -> Findings:
    first, *others = (clip for clip in rated.clips if not clip.is_score and clip.bars != 16)
    heard = ("2015/heard.midi", first.performance)
    read = [(f"2017/{clip.stem}.midi", clip.performance) for clip in others[:3]]
    return compare(rated, models, [heard], quick, [heard, *read], pretrained_dir)


def test_score_and_long_clips_are_not_judged_and_a_heard_one_is_left_out(
    findings: Findings,
) -> None:
    assert (len(findings.rated.clips), findings.judged) == (54, 42)
    assert findings.models is not None
    assert findings.models.heard == {"2015/heard.midi": 1}
    assert findings.models.judged == 41
    assert all(
        row.agreement.pooled.n <= 41 for rows in findings.models.rows.values() for row in rows
    )
    assert findings.tuned is not None
    assert findings.tuned.clips == 41


def test_clips_that_only_a_models_encoder_has_read_are_counted_and_not_called_unseen(
    findings: Findings, tmp_path: Path
) -> None:
    assert findings.models is not None
    assert findings.models.read == {"audio_only": 0, "midi_only": 3}
    paths = write_human_report(findings, tmp_path)
    content = json.loads(paths.json.read_text())
    page = html.unescape(paths.html.read_text())
    assert content["models"]["read_in_pretraining"] == {"audio_only": 0, "midi_only": 3}
    assert content["models"]["never_read"] == {"audio_only": 41, "midi_only": 38}
    (said,) = (said for said in content["sentences"] if "masked pretraining" in said)
    assert "the encoder that midi_only started from has read those of 3" in said
    assert "38 of the clips are of playing that it never read" in said
    assert page.count("Not on unseen music: its encoder has read") == 1


def test_training_on_damage_is_judged_against_a_start_that_lacks_it_alone(
    findings: Findings, tmp_path: Path
) -> None:
    tuned = findings.tuned
    assert tuned is not None
    assert tuned.gain_over == "pretrained"
    from_checkpoint, from_pretrained, from_scratch = (
        tuned.starts[name].within_r for name in ("checkpoint", "pretrained", "scratch")
    )
    assert tuned.gain == pytest.approx(from_checkpoint - from_pretrained)
    assert from_pretrained != from_scratch
    paths = write_human_report(findings, tmp_path)
    content = json.loads(paths.json.read_text())
    assert content["fine_tuning"]["gain_over"] == "pretrained"
    (said,) = (said for said in content["sentences"] if "fine-tuned on the ratings" in said)
    assert "gain over the pretrained encoder that it began with is" in said
    assert "trained with one seed, and seeds were not redrawn" in said
    page = " ".join(html.unescape(paths.html.read_text()).split())
    assert "the encoder that it started from has read the performances of 3 of them" in page
    assert f"performances of {', '.join(findings.works_heard)}".replace("_", " ") in page


def test_the_pretrained_start_has_the_encoder_and_a_fresh_rest(
    models, pretrained_dir: Path
) -> None:
    starts = starts_of(models["midi_only"], pretrained_dir)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        pretrained = starts["pretrained"]().state_dict()
        torch.manual_seed(1)
        scratch = starts["scratch"]().state_dict()
    stored = torch.load(find_best(pretrained_dir), weights_only=True)
    for name, weights in pretrained.items():
        expected = stored.get(name.removeprefix("midi_encoder."), scratch[name])
        assert torch.equal(weights, expected), name
    assert any(not torch.equal(weights, scratch[name]) for name, weights in pretrained.items())


def test_what_listeners_were_made_to_hear_is_found(findings: Findings) -> None:
    """The invented ratings of loudness follow the velocity, and nothing follows anything else."""
    loud = next(row for row in findings.heuristics if row.scale == "timbre soft–loud")
    assert loud.agreement.verdict == "follows"
    assert loud.agreement.within.r > 0.7
    assert loud.baseline > 0.5
    mean_loudness = findings.reliability["timbre soft–loud"]
    others = [found for scale, found in findings.reliability.items() if "loud" not in scale]
    assert mean_loudness.icc_1 > 0.8 > 0.3 > max(found.icc_1 for found in others)


def test_the_same_comparison_gives_the_same_figures(
    findings: Findings, rated: RatedClips, models, quick: HumanValidationConfig
) -> None:
    only_midi = {"midi_only": models["midi_only"]}
    heard = [("a.midi", rated.clips[0].performance)]
    once, again = (compare(rated, only_midi, heard, quick) for _ in range(2))
    assert once.tuned == again.tuned
    assert once.tuned is not None
    assert set(once.tuned.starts) == {"checkpoint", "scratch"}
    assert once.tuned.gain_over == "scratch"
    assert once.models == again.models
    assert once.functions == findings.functions


def test_nothing_is_said_of_models_that_heard_every_clip(
    rated: RatedClips, models, quick: HumanValidationConfig, tmp_path: Path
) -> None:
    trained_on = [(clip.stem, clip.performance) for clip in rated.clips]
    found = compare(rated, {"midi_only": models["midi_only"]}, trained_on, quick)
    assert found.models is None
    assert found.tuned is None
    paths = write_human_report(found, tmp_path)
    content = json.loads(paths.json.read_text())
    assert content["no_models"].startswith("nothing is left: every clip was cut from")
    assert "nothing is left: every clip" in paths.html.read_text()


def test_the_page_says_what_the_json_says(findings: Findings, tmp_path: Path) -> None:
    paths = write_human_report(findings, tmp_path)
    content, page = json.loads(paths.json.read_text()), paths.html.read_text()
    for said in content["sentences"]:
        assert said in html.unescape(page)
    assert "1 clip was left out" in page
    assert len(content["functions"]) == 9
    assert set(content["models"]["experiments"]) == {"audio_only", "midi_only"}
    assert content["models"]["left_out"] == {"2015/heard.midi": 1}
    assert len(content["reliability"]["scales"]) == 19
    assert ">nan<" not in page


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
