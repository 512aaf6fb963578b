import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, MODALITIES, Experiment
from models.evaluation.audits.documents import TokenAudit
from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.report import write_report
from models.evaluation.report.report_json import report_json
from models.evaluation.report.summary import summarise
from models.training.history import EpochRecord, read_history

FUSIONS = [name for name in EXPERIMENTS if len(MODALITIES[name]) > 1]


class Page(HTMLParser):
    """The tables of each section, as rows of cells, and how many figures it has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: dict[str, list[list[str]]] = {}
        self.figures: dict[str, int] = {}
        self._section, self._in_cell = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self._section = dict(attrs)["id"] or ""
            self.rows[self._section], self.figures[self._section] = [], 0
        elif tag == "tr":
            self.rows[self._section].append([])
        elif tag in ("td", "th"):
            self.rows[self._section][-1].append("")
            self._in_cell = True
        elif tag == "svg":
            self.figures[self._section] += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[self._section][-1][-1] += data.strip()

    def row(self, section: str, name: str, occurrence: int = 0) -> list[str]:
        return [row[1:] for row in self.rows[section] if row[0].startswith(name)][occurrence]


def written(evaluation: Evaluation, folder: Path) -> tuple[Page, dict[str, Any], str]:
    paths = write_report(evaluation, folder)
    html = paths.html.read_text(encoding="utf-8")
    return Page(html), json.loads(paths.json.read_text(encoding="utf-8")), html


@pytest.fixture(scope="module")
def whole(
    evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Page, dict[str, Any], str]:
    return written(evaluation, tmp_path_factory.mktemp("report"))


def only(evaluation: Evaluation, *names: Experiment) -> Evaluation:
    chosen = tuple(o for o in evaluation.outcomes if o.training.experiment in names)
    return dataclasses.replace(evaluation, outcomes=chosen)


def test_a_perfect_tier_classifier_is_at_the_ceiling_and_the_truth_above_it(
    evaluation: Evaluation,
) -> None:
    found = {one.name: one for one in summarise(evaluation).experiments}
    classifier, oracle = found["audio_only"], found["gated"]
    assert classifier.share_of_ceiling_r == pytest.approx(1)
    assert classifier.share_of_headroom_mae == pytest.approx(1)
    assert classifier.within_tier_r == 0
    assert oracle.agreement.mean_r == oracle.within_tier_r == pytest.approx(1)
    assert oracle.share_of_headroom_mae > 1


def test_a_fusion_given_nothing_of_use_says_the_mean(evaluation: Evaluation) -> None:
    summary = summarise(evaluation)
    for one in summary.experiments:
        assert set(one.alone) == ({"audio", "midi"} if one.name in FUSIONS else set())
        if one.alone:
            assert one.alone["midi"] == summary.baseline
            assert one.alone["audio"].mean_r > 0.9


def test_gains_are_over_audio_only_and_of_fusions_alone(evaluation: Evaluation) -> None:
    found = {one.name: one.gain_over_audio for one in summarise(evaluation).experiments}
    assert {name for name, gain in found.items() if gain} == set(FUSIONS)
    gated, crossattn = found["gated"], found["crossattn"]
    assert gated is not None
    assert crossattn is not None
    assert gated.interval.low > 0 > crossattn.interval.high
    without = summarise(only(evaluation, "midi_only", "gated", "concat"))
    assert all(one.gain_over_audio is None for one in without.experiments)


def test_json_holds_what_its_schema_says(
    evaluation: Evaluation, whole: tuple[Page, dict[str, Any], str]
) -> None:
    _, content, _ = whole
    assert content["schema_version"] == 3
    assert set(content) == {
        "schema_version", "data", "settings", "dimensions", "factors", "findings", "gates",
        "ceiling", "baseline", "experiments", "best", "pairs", "counterfactual", "label_structure",
        "shortcut_audit", "transcription", "pretraining", "token_audit", "caveats",
    }  # fmt: skip
    assert content["dimensions"] == list(DIMENSIONS)
    counted = evaluation.samples.groupby(["split", "tier"]).size()
    for (split, tier), count in counted.items():  # type: ignore[misc]
        assert content["data"]["counts"][split][tier] == count
    assert content["data"]["compositions"] == {"train": 6, "validation": 2, "test": 3}
    assert content["ceiling"]["expected"]["r"] == pytest.approx(0.96629, abs=1e-5)
    assert [found["name"] for found in content["experiments"]] == list(EXPERIMENTS)
    for found in content["experiments"]:
        assert len(found["r"]) == len(found["mae"]) == len(found["dimension_weights"]) == 8
        low, high = found["mean_r_interval"]
        assert low <= found["mean_r"] <= high
        assert found["interval_clusters"] == 3
        assert (found["best_epoch"], len(found["history"])) == (5, 6), "the last is not the best"
        assert (found["fusion"] is not None) == (found["name"] in FUSIONS)
    assert content["token_audit"] == list(
        map(dataclasses.asdict, evaluation.token_audit.operations)
    )
    assert content["pretraining"]["fields"]["tempo"]["beats_unigram"] is None


def test_the_history_in_json_is_the_history(
    evaluation: Evaluation, whole: tuple[Page, dict[str, Any], str]
) -> None:
    for outcome, found in zip(evaluation.outcomes, whole[1]["experiments"], strict=True):
        assert read_history(found["history"], EpochRecord) == outcome.training.history


def test_the_page_s_numbers_are_those_of_the_json(
    whole: tuple[Page, dict[str, Any], str],
) -> None:
    page, content, _ = whole
    for place, found in enumerate(content["experiments"]):
        name = found["name"]
        row = page.row("experiments", name)
        assert (row[0], row[3]) == (f"{found['mean_r']:.3f}", f"{found['mean_mae']:.2f}")
        low, high = found["mean_r_interval"]
        assert row[1] == f"{low:.3f} to {high:.3f}"
        for i, dimension in enumerate(DIMENSIONS):
            plain = dimension.replace("_", " ")
            assert page.row("dimensions", plain)[place] == f"{found['r'][i]:.3f}"
            assert page.row("dimensions", plain, 1)[place] == f"{found['mae'][i]:.2f}"
            weight = f"{found['dimension_weights'][i]:.2f}"
            assert page.row("training", plain)[place] == weight
        if name in FUSIONS:
            column = FUSIONS.index(name)
            share = page.row("fusion", "audio's share of the norm")[column]
            assert share == f"{found['fusion']['audio_share']:.3f}"
            cka = f"{found['fusion']['cka']:.3f}".replace("-", "−")
            assert page.row("fusion", "CKA of audio and MIDI steps")[column] == cka
            alone = page.row("alone", name)
            assert alone[2] == f"{found['alone']['audio']['mean_r']:.3f}"
            assert alone[5] == f"{found['alone']['midi']['mean_mae']:.2f}"
            assert alone[6].lstrip("+−") == f"{abs(found['gain_over_audio_only']['mean_r']):.3f}"
        else:
            column = 2 if name == "audio_only" else 4
            assert page.row("alone", name)[column] == f"{found['mean_r']:.3f}"
    for field, figures in content["pretraining"]["fields"].items():
        verdict = {True: "yes", False: "no", None: "nothing to guess"}[figures["beats_unigram"]]
        shown = [f"{figures['cross_entropy']:.3f}", f"{figures['unigram_cross_entropy']:.3f}"]
        assert page.row("pretraining", field) == [*shown, verdict]
    assert page.row("tokens", "good") == [
        "onset jitter", "10 ms", "onset", "18,111", "97 %", "100 %", "26 %", "21 %",
    ]  # fmt: skip
    assert page.row("tokens", "notes lost")[-2:] == ["0", "0"]


def test_the_page_stands_alone_and_says_what_matters(
    whole: tuple[Page, dict[str, Any], str],
) -> None:
    page, content, html = whole
    assert page.figures == {
        "gates": 0, "experiments": 7, "dimensions": 0, "pairs": 1, "ceilings": 0, "confusion": 5,
        "fusion": 3, "alone": 0, "training": 11,
        "pretraining": 0, "tokens": 0, "data": 0,
    }  # fmt: skip
    links = re.findall(r'(?:href|src)="([^"]*)"', html)
    assert all(link.startswith(("#", "data:")) for link in links), "nothing is fetched"
    assert "url(http" not in html
    assert "@import" not in html
    assert not re.search(r"\b(nan|NaN|None|inf|undefined)\b", html)
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(set(ids)) == len(ids), "ids are unique"
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert "a &lt;small&gt; corpus" in html
    assert "it has not been shown to judge playing" in html
    assert "prefers-color-scheme: dark" in html
    for caveat in content["caveats"]:
        assert caveat.split(":")[0] in html


def test_the_same_evaluation_gives_the_same_bytes(evaluation: Evaluation, tmp_path: Path) -> None:
    one = only(evaluation, "gated")
    first, second = (write_report(one, tmp_path / name) for name in ("a", "b"))
    assert first.html.read_bytes() == second.html.read_bytes()
    assert first.json.read_bytes() == second.json.read_bytes()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_one_experiment_is_enough(evaluation: Evaluation, tmp_path: Path, name: Experiment) -> None:
    page, _, html = written(only(evaluation, name), tmp_path)
    assert page.figures["experiments"] == 3
    assert page.figures["training"] == 3
    assert ("fusion" in page.rows) == ("alone" in page.rows) == (name in FUSIONS)
    assert ('href="#fusion"' in html) == (name in FUSIONS)
    assert not re.search(r"\b(nan|None)\b", html)
    assert "nothing measurable" not in html, "there is no audio_only to compare with"


def test_what_was_not_done_has_no_section(evaluation: Evaluation, tmp_path: Path) -> None:
    bare = dataclasses.replace(
        only(evaluation, "midi_only"),
        pretraining=None,
        token_audit=TokenAudit(segments=0, operations=()),
    )
    page, content, html = written(bare, tmp_path)
    assert set(page.rows) == {
        "gates", "experiments", "dimensions", "ceilings", "confusion", "training", "data"
    }  # fmt: skip
    assert content["pretraining"] is None
    assert content["token_audit"] == []
    assert "#tokens" not in html


def test_without_uncertainty_weighting_there_are_no_learnt_weights(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    outcome = evaluation.outcomes[1]
    plain = tuple(dataclasses.replace(record, told={}) for record in outcome.training.history)
    training = dataclasses.replace(outcome.training, history=plain)
    bare = dataclasses.replace(
        evaluation, outcomes=(dataclasses.replace(outcome, training=training),)
    )
    _, content, html = written(bare, tmp_path)
    assert content["experiments"][0]["dimension_weights"] is None
    assert "Learnt weights" not in html


def test_the_page_says_whether_the_models_were_prepared_for_one_modality(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    fusion = evaluation.config.fusion.model_copy(update={"modality_dropout": 0.0})
    config = evaluation.config.model_copy(update={"fusion": fusion})
    unprepared = dataclasses.replace(only(evaluation, "concat"), config=config)
    assert "It was not prepared for that" in written(unprepared, tmp_path)[2]
    assert "with probability 0.2" in written(only(evaluation, "concat"), tmp_path)[2]


def test_what_is_undefined_is_null_and_a_dash(evaluation: Evaluation, tmp_path: Path) -> None:
    """A corpus of one composition, with a validation split too small for any diagnosis."""
    single = evaluation.samples.assign(composition="one")
    outcome = next(o for o in evaluation.outcomes if o.training.experiment == "concat")
    blind = {
        "audio_share": None, "retrieval_at_1": None, "retrieval_chance": None, "cka": None,
        "shift_steps": None, "shift_cka": None, "attention_entropy": {},
    }  # fmt: skip
    history = tuple(
        dataclasses.replace(
            record,
            val_r=(float("nan"),) * 8,
            diagnostics=dataclasses.replace(record.diagnostics, **blind),  # type: ignore[arg-type]
        )
        for record in outcome.training.history
    )
    training = dataclasses.replace(outcome.training, history=history)
    small = dataclasses.replace(
        evaluation,
        samples=single,
        outcomes=(evaluation.outcomes[0], dataclasses.replace(outcome, training=training)),
    )
    page, content, html = written(small, tmp_path)
    first, second = content["experiments"]
    assert first["mean_r_interval"] == second["gain_over_audio_only"]["interval"] == [None, None]
    assert page.row("experiments", "concat")[1] == "– to –"
    assert [row[0][:13] for row in page.rows["fusion"][1:]] == ["gradient norm"] * 2
    assert second["history"][0] == dataclasses.asdict(history[0]) | {
        "val_r": [None] * 8, "val_mae": list(history[0].val_mae)
    }  # fmt: skip
    assert not re.search(r"\b(nan|NaN|None)\b", html)
    assert "holds one composition" in html


def judged_on(evaluation: Evaluation, samples: pd.DataFrame, tiers: Any = None) -> Evaluation:
    """The evaluation with these samples alone, and what was predicted of them."""
    there = set(samples["sample_id"])

    def cut(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["sample_id"].isin(there)]

    outcomes = tuple(
        dataclasses.replace(
            one,
            predictions=cut(one.predictions),
            alone={side: cut(table) for side, table in one.alone.items()},
        )
        for one in evaluation.outcomes
    )
    return dataclasses.replace(
        evaluation, samples=samples, outcomes=outcomes, tiers=tiers or evaluation.tiers
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [1, 3])
def test_a_handful_of_test_rows_gives_a_report_of_dashes(
    evaluation: Evaluation, tmp_path: Path, rows: int
) -> None:
    samples = evaluation.samples
    few = pd.concat(
        [samples[samples["split"] != "test"], samples[samples["split"] == "test"][:rows]]
    )
    _, content, html = written(judged_on(evaluation, few), tmp_path)
    assert {one["winner"] for one in content["pairs"]["dimensions"]} == {None}
    assert not re.search(r"\b(nan|NaN|None|inf|undefined)\b", html)


@pytest.mark.filterwarnings("error")
def test_rows_of_one_tier_leave_no_ceiling_to_reach(evaluation: Evaluation, tmp_path: Path) -> None:
    samples = evaluation.samples[evaluation.samples["tier"] == "good"]
    tiers = tuple(
        dataclasses.replace(tier, probability=float(tier.name == "good"))
        for tier in evaluation.tiers
    )
    page, content, html = written(judged_on(evaluation, samples, tiers), tmp_path)
    assert content["ceiling"]["on_these_samples"]["mean_r"] == 0
    assert {one["share_of_ceiling_r"] for one in content["experiments"]} == {None}
    assert page.row("experiments", "gated")[2] == "–"
    assert not re.search(r"\b(nan|NaN|None|inf|undefined)\b", html)


def test_tiers_whose_bands_overlap_are_told_apart_by_their_middles_and_the_page_says_so(
    evaluation: Evaluation, whole: tuple[Page, dict[str, Any], str], tmp_path: Path
) -> None:
    overlapping = tuple(
        dataclasses.replace(tier, low=tier.low - 5, high=tier.high) for tier in evaluation.tiers
    )
    _, _, html = written(dataclasses.replace(evaluation, tiers=overlapping), tmp_path)
    assert "the bands of this recipe&#39;s tiers overlap" in html
    assert "overlap" not in whole[2]


def test_one_epoch_is_enough(evaluation: Evaluation, tmp_path: Path) -> None:
    outcomes = tuple(
        dataclasses.replace(
            o, training=dataclasses.replace(o.training, history=o.training.history[:1])
        )
        for o in evaluation.outcomes
    )
    page, _, _ = written(dataclasses.replace(evaluation, outcomes=outcomes), tmp_path)
    assert page.row("training", "gated")[1:3] == ["1", "1"]


@pytest.mark.parametrize("side", [None, "audio"])
def test_predictions_of_other_samples_are_refused(evaluation: Evaluation, side: str | None) -> None:
    first = next(o for o in evaluation.outcomes if o.training.experiment == "gated")
    if side is None:
        short = dataclasses.replace(first, predictions=first.predictions.iloc[1:])
    else:
        alone = {**first.alone, side: first.alone[side].iloc[1:]}  # type: ignore[index]
        short = dataclasses.replace(first, alone=alone)  # type: ignore[arg-type]
    what = "gated with audio alone" if side else "gated"
    with pytest.raises(UserError, match=f"{what} has predictions for 179 samples"):
        summarise(dataclasses.replace(evaluation, outcomes=(short,)))


def test_nothing_to_judge_is_refused(evaluation: Evaluation) -> None:
    left = evaluation.samples[evaluation.samples["split"] != "test"]
    with pytest.raises(UserError, match="needs train and test samples"):
        summarise(dataclasses.replace(evaluation, samples=left, outcomes=()))


def test_the_json_is_made_of_plain_values(evaluation: Evaluation) -> None:
    content = report_json(summarise(only(evaluation, "gated")))
    assert json.loads(json.dumps(content, allow_nan=False)) == content


@pytest.fixture(scope="module")
def whole_factored(
    factored: Evaluation, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Page, dict[str, Any], str]:
    return written(factored, tmp_path_factory.mktemp("factored"))


def test_a_factored_recipe_shows_what_follows_what(
    whole_factored: tuple[Page, dict[str, Any], str],
) -> None:
    page, content, html = whole_factored
    found = content["counterfactual"]
    assert {name: page.figures[name] for name in ("doses", "movement", "nuisance", "leaning")} == {
        "doses": 7 + 7 + 5, "movement": 6, "nuisance": 0, "leaning": 2,
    }  # fmt: skip
    for place, factor in enumerate(content["factors"]):
        plain = factor.replace("_", " ")
        cells = page.row("doses", plain)
        for column, model in enumerate(found["models"].values()):
            own = model["doses"]["monotone"][place][place]
            assert cells[2 * column] == f"{100 * own:.0f} %"
    assert page.row("movement", "tone quality")[0] == "−36.7"
    assert page.row("leaning", "tone quality")[1] == page.row("leaning", "tone quality")[2]
    assert page.row("transcription", "midi_only: transcribed")[0] == "0.512"
    assert page.row("audits", "recording")[0] == "0.710"
    assert "it has not been shown to judge playing" not in html
    assert "All eight dimensions carry one signal" not in html
    assert not re.search(r"\b(nan|NaN|None|inf|undefined)\b", html)
    assert content["ceiling"]["on_these_samples"]["mean_r"] == pytest.approx(1)
    assert content["ceiling"]["on_these_samples"]["mean_mae"] == 0


def test_counterfactual_rows_are_judged_with_nothing_else(
    factored: Evaluation, whole_factored: tuple[Page, dict[str, Any], str]
) -> None:
    ordinary = factored.samples[factored.samples["family"].isna()]
    outcomes = tuple(dataclasses.replace(one, counterfactual=None) for one in factored.outcomes)
    without = report_json(
        summarise(dataclasses.replace(factored, samples=ordinary, outcomes=outcomes))
    )
    _, content, _ = whole_factored
    assert without["counterfactual"] is None
    for name in ("experiments", "pairs", "baseline", "ceiling"):
        assert json.loads(json.dumps(without[name])) == content[name]
    assert without["data"]["counts"] == content["data"]["counts"]


@pytest.mark.filterwarnings("error")
def test_a_label_that_never_changes_takes_its_own_dimension_out_of_the_figures_alone(
    factored: Evaluation, tmp_path: Path
) -> None:
    """Music without pedal: the label of pedal technique is 100 in every row."""
    samples = factored.samples.copy()
    samples.loc[samples["family"].isna(), "pedal_technique"] = 100.0
    _, content, html = written(dataclasses.replace(factored, samples=samples), tmp_path)
    assert all(one["r"][3] is None for one in content["experiments"])
    assert None not in [end for one in content["experiments"] for end in one["mean_r_interval"]]
    assert content["pairs"]["dimensions"][3]["difference"] is None
    gates = {gate["name"]: gate for gate in content["gates"]}
    learnt = gates["every model has learnt something"]
    assert learnt["found"].endswith("its label never changes here: pedal technique")
    assert not any("pedal" in reason for reason in learnt["because"])
    assert gates["the best fusion uses both modalities"]["passed"] is not None
    assert not re.search(r"\b(nan|NaN|None|inf|undefined)\b", html)


def test_the_gates_of_the_page_are_those_of_the_json(
    whole_factored: tuple[Page, dict[str, Any], str],
) -> None:
    page, content, _ = whole_factored
    words = {True: "passed", False: "failed", None: "not judged"}
    assert [row[1] for row in page.rows["gates"][1:]] == [
        words[gate["passed"]] for gate in content["gates"]
    ]
