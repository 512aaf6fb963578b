import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.evaluation.ceilings import TierScores
from models.evaluation.report import write_report
from models.evaluation.summary import (
    Evaluation,
    Outcome,
    TierSound,
    summarise,
    within_tier_r,
)
from models.history import EpochRecord
from models.identity import Origin
from models.train import TrainingResult

TIERS = tuple(
    TierScores(name=name, probability=share, low=low, high=high)
    for name, share, low, high in (
        ("pristine", 0.3, 95, 100),
        ("good", 0.3, 80, 95),
        ("moderate", 0.25, 65, 80),
        ("poor", 0.15, 50, 65),
    )
)


def record(epoch: int, gate: float | None) -> EpochRecord:
    return EpochRecord(
        epoch=epoch, train_loss=1 / epoch, terms={"huber": 1 / epoch}, val_loss=1.1 / epoch,
        val_r=0.5, val_mae=5.0, gate_mean=gate, gate_spread=gate and 0.1, learning_rate=1e-3,
        samples_per_s=100.0, seconds=2.0,
    )  # fmt: skip


def outcome(name: str, judged: pd.DataFrame, predicted: np.ndarray) -> Outcome:
    gate = 0.6 if name == "gated" else None
    training = TrainingResult(
        experiment=name,  # type: ignore[arg-type]
        origin=Origin(identity="0", table_versions={"pairs": 0}),
        checkpoint=Path(f"{name}-epoch=03-val_loss=0.3667.pt"),
        parameters=1234,
        history=tuple(record(epoch, gate) for epoch in (1, 2, 3)),
    )
    table = pd.DataFrame(predicted, columns=list(DIMENSIONS))
    table.insert(0, "sample_id", judged["sample_id"].to_numpy())
    return Outcome(training=training, predictions=table.sample(frac=1, random_state=0))


@pytest.fixture
def evaluation() -> Evaluation:
    rng = np.random.default_rng(0)
    rows = []
    for split, pieces in (("train", 6), ("validation", 2), ("test", 3)):
        for index in range(60 * pieces):
            tier = TIERS[rng.choice(4, p=[tier.probability for tier in TIERS])]
            scores = rng.uniform(tier.low, tier.high, 8)
            rows.append(
                {
                    "sample_id": f"{split}-{index}", "split": split, "tier": tier.name,
                    "composition": f"{split} {index % pieces} <&>",
                    "segment_id": f"{split} {index // 4}",
                    **dict(zip(DIMENSIONS, scores, strict=True)),
                }
            )  # fmt: skip
    samples = pd.DataFrame(rows)
    judged = samples[samples["split"] == "test"]
    true = judged[list(DIMENSIONS)].to_numpy()
    middle = {tier.name: tier.middle for tier in TIERS}
    perfect = np.repeat([[middle[tier]] for tier in judged["tier"]], 8, axis=1)
    mean = samples[samples["split"] == "train"][list(DIMENSIONS)].mean().to_numpy()
    return Evaluation(
        recipe="phase2",
        audio_source="rendered",
        corpus="a <small> corpus",
        licence="CC0",
        samples=samples,
        split="test",
        tiers=TIERS,
        sounds={
            tier.name: TierSound(snr_db=snr_db, band_hz=None)
            for tier, snr_db in zip(TIERS, (None, 35.0, 25.0, 20.0), strict=True)
        },
        outcomes=(
            outcome("audio_only", judged, perfect),
            outcome("midi_only", judged, np.broadcast_to(mean, true.shape)),
            outcome("gated", judged, true),
        ),
        seed=1,
    )


def test_a_perfect_tier_classifier_is_at_the_ceiling_and_the_mean_at_the_baseline(
    evaluation: Evaluation,
) -> None:
    classifier, mean, oracle = summarise(evaluation).experiments
    assert classifier.share_of_ceiling_r == pytest.approx(1)
    assert classifier.share_of_headroom_mae == pytest.approx(1)
    assert classifier.within_tier_r == 0
    assert mean.share_of_headroom_mae == pytest.approx(0)
    assert mean.agreement.mean_r == 0
    assert oracle.agreement.mean_r == pytest.approx(1)
    assert oracle.within_tier_r == pytest.approx(1)
    assert oracle.share_of_headroom_mae > 1


def test_json_holds_what_its_schema_says(evaluation: Evaluation, tmp_path: Path) -> None:
    paths = write_report(evaluation, tmp_path / "report")
    content = json.loads(paths.json.read_text())
    assert set(content) == {
        "schema_version", "data", "dimensions", "ceiling", "baseline", "experiments", "caveats",
    }  # fmt: skip
    assert content["dimensions"] == list(DIMENSIONS)
    counted = evaluation.samples.groupby(["split", "tier"]).size()
    for (split, tier), count in counted.items():  # type: ignore[misc]
        assert content["data"]["counts"][split][tier] == count
    assert content["data"]["compositions"] == {"train": 6, "validation": 2, "test": 3}
    assert content["ceiling"]["expected"]["r"] == pytest.approx(0.96629, abs=1e-5)
    assert [found["name"] for found in content["experiments"]] == [
        "audio_only",
        "midi_only",
        "gated",
    ]
    for found in content["experiments"]:
        assert len(found["r"]) == len(found["mae"]) == 8
        low, high = found["mean_r_interval"]
        assert low <= found["mean_r"] <= high
        assert found["interval_clusters"] == 3
        assert len(found["history"]) == 3


def test_the_page_stands_alone_and_says_what_matters(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    page = write_report(evaluation, tmp_path).html.read_text()
    assert page.count("<svg") == 4  # overview, scatter, training, one gate
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert all(link.startswith(("#", "data:")) for link in links), "nothing is fetched"
    assert "a &lt;small&gt; corpus" in page
    assert "noise meter" in page
    assert "3 compositions" in page
    assert "it has not been shown to judge playing" in page
    assert "prefers-color-scheme: dark" in page
    for dimension in DIMENSIONS:
        assert dimension.replace("_", " ") in page


def test_the_same_evaluation_gives_the_same_bytes(evaluation: Evaluation, tmp_path: Path) -> None:
    first, second = (write_report(evaluation, tmp_path / name) for name in ("a", "b"))
    assert first.html.read_bytes() == second.html.read_bytes()
    assert first.json.read_bytes() == second.json.read_bytes()


def test_one_composition_has_no_interval_and_the_page_says_so(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    single = evaluation.samples.assign(composition="one")
    paths = write_report(dataclasses.replace(evaluation, samples=single), tmp_path)
    found = json.loads(paths.json.read_text())["experiments"][0]
    assert found["mean_r_interval"] == [None, None]
    assert "holds one composition" in paths.html.read_text()


def test_one_experiment_is_enough(evaluation: Evaluation, tmp_path: Path) -> None:
    one = dataclasses.replace(evaluation, outcomes=evaluation.outcomes[:1])
    assert write_report(one, tmp_path).html.read_text().count("<svg") == 3


def test_predictions_of_other_samples_are_refused(evaluation: Evaluation) -> None:
    first = evaluation.outcomes[0]
    short = dataclasses.replace(first, predictions=first.predictions.iloc[1:])
    with pytest.raises(UserError, match="audio_only has predictions for 179 samples"):
        summarise(dataclasses.replace(evaluation, outcomes=(short,)))


def test_nothing_to_judge_is_refused(evaluation: Evaluation) -> None:
    left = evaluation.samples[evaluation.samples["split"] != "test"]
    with pytest.raises(UserError, match="needs train and test samples"):
        summarise(dataclasses.replace(evaluation, samples=left, outcomes=()))


def test_within_tier_r_does_not_see_the_tier() -> None:
    rng = np.random.default_rng(0)
    tiers = np.repeat(["good", "poor"], 500)
    true = np.where(tiers == "good", 90.0, 55.0)[:, None] + rng.normal(0, 1, (1000, 8))
    blind = np.where(tiers == "good", 90.0, 55.0)[:, None] + rng.normal(0, 1, (1000, 8))
    assert abs(within_tier_r(true, blind, list(tiers))) < 0.05
    assert within_tier_r(true, true, list(tiers)) == pytest.approx(1)
