"""Probes find what was planted, and nothing where nothing was."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import KFold, cross_val_predict

from degradation.recipe import TIERS
from labeling.scores import DIMENSIONS
from models.evaluation.audits import shortcut_probes
from models.evaluation.audits.documents import StatisticSet
from models.evaluation.audits.shortcut_probes import (
    SHORTCUT,
    TierGuesses,
    audit_shortcuts,
    balanced_accuracy,
    guess_scores,
    guess_tiers,
    judge_shortcut,
    probe_scores,
    probe_tiers,
)

SHARES = (0.3, 0.3, 0.25, 0.15)
PIECES = 40
LEVEL, CREST, FLOOR = (
    f"recording_{name}" for name in ("level_dbfs", "crest_db", "noise_floor_dbfs")
)


@pytest.fixture(autouse=True)
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shortcut_probes.FOREST, "n_estimators", 40)
    monkeypatch.setattr(shortcut_probes, "PERMUTATIONS", 2)


class Rows:
    """Rows of `PIECES` compositions; each has a level of its own, as music has."""

    def __init__(self, seed: int, rows: int = 600) -> None:
        self.rng = np.random.default_rng(seed)
        piece = np.arange(rows) % PIECES
        self.tier = self.rng.choice(len(TIERS), rows, p=SHARES)
        self.tiers = [TIERS[tier] for tier in self.tier]
        self.compositions = [f"piece {number:02d}" for number in piece]
        level = self.rng.normal(0, 6, PIECES)[piece]
        self.statistics = pd.DataFrame(
            {
                LEVEL: level + self.rng.normal(0, 2, rows),
                CREST: self.rng.normal(12, 2, rows),
            }
        )

    def with_noise(self, db_a_tier: float) -> pd.DataFrame:
        floor = self.statistics[LEVEL] - 40 + db_a_tier * self.tier
        return self.statistics.assign(**{FLOOR: floor + self.rng.normal(0, 1, len(floor))})


def verdict_of(heard: pd.DataFrame, dry: pd.DataFrame, rows: Rows) -> str:
    told, control = (
        guess_tiers(values, rows.tiers, rows.compositions, seed=1) for values in (heard, dry)
    )
    return judge_shortcut({"recording": told, "dry": control}, len(TIERS), PIECES).verdict


def test_a_planted_shortcut_is_found_and_named() -> None:
    rows = Rows(0)
    heard = rows.with_noise(5)
    guesses = guess_tiers(heard, rows.tiers, rows.compositions, seed=1)
    probe = probe_tiers("recording", guesses, rows.tiers)
    assert probe.balanced_accuracy > 0.7
    assert probe.interval.low < probe.balanced_accuracy < probe.interval.high
    best = max(probe.importances, key=lambda one: one.drop)
    assert best.statistic == "noise_floor_dbfs"
    assert all(one.drop < 0.03 for one in probe.importances if one.statistic == "crest_db")
    assert verdict_of(heard, rows.statistics, rows) == "fails"


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_found_in_shuffled_labels(seed: int) -> None:
    rows = Rows(seed)
    heard = rows.with_noise(5)
    order = rows.rng.permutation(len(heard))
    shuffled = heard.iloc[order].reset_index(drop=True)
    guesses = guess_tiers(shuffled, rows.tiers, rows.compositions, seed=1)
    probe = probe_tiers("recording", guesses, rows.tiers)
    assert probe.interval.low < 0.25 + SHORTCUT.number
    assert probe.balanced_accuracy == pytest.approx(0.25, abs=0.06)
    assert verdict_of(shuffled, rows.statistics, rows) != "fails"


def test_what_the_dry_playing_tells_as_well_is_no_shortcut() -> None:
    rows = Rows(3, rows=1200)
    softer = rows.statistics.assign(**{CREST: rows.statistics[CREST] - 2 * rows.tier})
    heard = softer.assign(**{LEVEL: softer[LEVEL] + rows.rng.normal(0, 4, len(softer))})
    guesses = guess_tiers(heard, rows.tiers, rows.compositions, seed=1)
    assert balanced_accuracy(np.array(rows.tiers), guesses.predicted) > 0.25 + SHORTCUT.number
    assert verdict_of(heard, softer, rows) == "holds"
    assert verdict_of(heard, rows.statistics, rows) == "fails"


def test_a_leak_that_the_recording_blurs_shows_in_what_was_drawn() -> None:
    """Heard tells less of the playing than dry does; a leak first has to fill that gap."""
    rows = Rows(4, rows=1200)
    dry = rows.statistics.assign(**{CREST: rows.statistics[CREST] - 2 * rows.tier})
    snr_db = 30 - 3 * rows.tier + rows.rng.normal(0, 6, len(dry))
    gains = rows.rng.normal(0, 6, len(dry))
    heard = rows.statistics.assign(**{LEVEL: rows.statistics[LEVEL] + gains, FLOOR: -snr_db})
    told, control, leak, innocent = (
        guess_tiers(values, rows.tiers, rows.compositions, seed=1)
        for values in (heard, dry, pd.DataFrame({"snr": snr_db}), pd.DataFrame({"gain": gains}))
    )

    found: dict[StatisticSet, TierGuesses] = {"recording": told, "dry": control}
    assert judge_shortcut(found, len(TIERS), PIECES).verdict == "holds"
    assert judge_shortcut(found | {"drawn": innocent}, len(TIERS), PIECES).verdict == "holds"
    assert judge_shortcut(found | {"drawn": leak}, len(TIERS), PIECES).verdict == "fails"


def test_no_composition_is_known_when_it_is_judged() -> None:
    """A tier a composition, and a fingerprint a composition: only who has met it knows."""
    rng, pieces = np.random.default_rng(8), np.repeat(np.arange(PIECES), 15)
    tiers = np.array(TIERS)[np.arange(PIECES) % 4][pieces]
    fingerprint = rng.permutation(PIECES)[pieces] + rng.normal(0, 0.01, len(pieces))
    statistics = pd.DataFrame({"fingerprint": fingerprint})
    met_before = cross_val_predict(
        RandomForestClassifier(n_estimators=50, random_state=0),
        statistics.to_numpy(),
        tiers,
        cv=KFold(5, shuffle=True, random_state=0),
    )
    assert balanced_accuracy(tiers, met_before) > 0.95
    compositions = [f"piece {piece}" for piece in pieces]
    found = guess_tiers(statistics, list(tiers), compositions, seed=1).predicted
    assert balanced_accuracy(tiers, found) < 0.45
    scores = pd.DataFrame(rng.normal(0, 1, (PIECES, 8))[pieces], columns=list(DIMENSIONS))
    predicted = guess_scores(statistics, scores, compositions, seed=1)
    assert max(r2 for _, _, r2 in probe_scores(predicted, scores)) < 0.3


def test_always_naming_the_commonest_tier_is_chance() -> None:
    true = np.array(["good"] * 90 + ["poor"] * 10)
    assert balanced_accuracy(true, np.array(["good"] * 100)) == 0.5
    assert balanced_accuracy(true, true) == 1


def test_the_same_seed_finds_the_same() -> None:
    rows = Rows(5, rows=200)
    heard = rows.with_noise(1)
    once, again = (guess_tiers(heard, rows.tiers, rows.compositions, seed=4) for _ in range(2))
    assert np.array_equal(once.predicted, again.predicted)
    assert once.importances == again.importances


def scores_of(rows: Rows, follow: Sequence[float]) -> pd.DataFrame:
    """Scores that follow crest by these shares, and are noise for the rest."""
    crest = (rows.statistics[CREST] - 12) / 2
    return pd.DataFrame(
        {
            name: 75 + 5 * (share * crest + (1 - share) * rows.rng.normal(0, 1, len(crest)))
            for name, share in zip(DIMENSIONS, follow, strict=True)
        }
    )


def test_scores_are_told_as_far_as_they_follow() -> None:
    rows = Rows(6)
    scores = scores_of(rows, [1, 0, 0, 0, 0, 0, 0, 0.5])
    predicted = guess_scores(rows.statistics, scores, rows.compositions, seed=1)
    names, r, r2 = zip(*probe_scores(predicted, scores), strict=True)
    assert names == DIMENSIONS
    assert r[0] > 0.97
    assert r2[0] > 0.9
    assert abs(r[1]) < 0.2
    assert r2[1] < 0.05
    assert r[-1] == pytest.approx(np.sqrt(0.5), abs=0.1)


def test_a_missing_figure_is_filled_from_the_training_folds() -> None:
    rows = Rows(7)
    scores = scores_of(rows, [1] * 8)
    holes = rows.statistics.mask(rows.rng.random(rows.statistics.shape) < 0.1)
    holes["never"] = np.nan
    predicted = guess_scores(holes, scores, rows.compositions, seed=1)
    assert np.isfinite(predicted).all()
    assert probe_scores(predicted, scores)[0][1] > 0.8


def test_one_composition_cannot_be_held_out() -> None:
    rows = Rows(8, rows=20)
    with pytest.raises(ValueError, match="2 compositions or more to hold some out, got 1"):
        guess_tiers(rows.statistics, rows.tiers, ["a"] * 20, seed=1)
    scores = pd.DataFrame(75.0, index=range(20), columns=list(DIMENSIONS))
    table = rows.statistics.join(scores).assign(tier=rows.tiers, composition="a")
    audit = audit_shortcuts(table, seed=1)
    assert (audit.threshold.verdict, audit.tiers, audit.scores) == ("undecided", (), ())
