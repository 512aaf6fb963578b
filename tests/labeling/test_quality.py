"""Quality of labels: known tables give known figures, and music cannot pass for damage."""

import numpy as np
import pandas as pd
import pytest

from degradation.seeds import stream
from labeling.quality import (
    assess_labels,
    correlate_functions,
    correlate_with_damage,
    count_abstentions,
    measure_conflict,
    measure_coverage,
    measure_spread,
)

DRAWS = 4


def table_of(**scores: list[float | None]) -> pd.DataFrame:
    """Return readings with a column of scores a function, None an abstention; DRAWS a segment."""
    rows = []
    for function, values in scores.items():
        for at, score in enumerate(values):
            segment = at // DRAWS
            rows.append(
                {
                    "sample_id": f"s{at}",
                    "segment_id": f"g{segment}",
                    "composition": f"c{segment // 3}",
                    "tier": ("pristine", "good", "moderate", "poor")[at % DRAWS],
                    "function": function,
                    "score": score,
                    "abstention": "too few notes" if score is None else None,
                }
            )
    return pd.DataFrame(rows).astype({"score": float})


def damage_of(jitter_ms: np.ndarray, **others: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {"sample_id": [f"s{at}" for at in range(len(jitter_ms))], "jitter_ms": jitter_ms, **others}
    )


def drawn(n: int, *name: str) -> np.ndarray:
    return stream(11, *name).random(n)


def test_coverage_and_reasons_are_counted() -> None:
    readings = table_of(a=[50.0, 60.0, 70.0, 80.0], b=[None, None, None, 10.0])
    readings.loc[4, "abstention"] = "silent"
    coverage = measure_coverage(readings).set_index("function")
    assert coverage.loc["a", "coverage"] == 1
    assert coverage.loc["b"].to_dict() == {"n_samples": 4, "n_scored": 1, "coverage": 0.25}
    reasons = count_abstentions(readings).set_index("abstention")
    assert set(reasons["function"]) == {"b"}
    assert reasons["n_samples"].to_dict() == {"silent": 1, "too few notes": 2}
    assert reasons["share"].to_dict() == {"silent": 0.25, "too few notes": 0.5}


def test_spread_of_a_known_table() -> None:
    spread = measure_spread(table_of(a=[0.0, 50.0, 60.0, 99.5], b=[None, None, None, 40.0]))
    a, b = (spread.set_index("function").loc[name] for name in "ab")
    assert (a["n"], a["median"], a["share_at_ends"]) == (4, 55.0, 0.5)
    assert a["iqr"] == pytest.approx(69.875 - 37.5)
    assert a["sd"] == pytest.approx(np.std([0, 50, 60, 99.5], ddof=1))
    assert (b["n"], b["mean"], b["iqr"]) == (1, 40.0, 0.0)
    assert np.isnan(b["sd"])


def test_correlation_is_of_ranks_over_samples_both_scored() -> None:
    table = correlate_functions(
        table_of(
            a=[1.0, 2.0, 3.0, 4.0, 90.0],
            b=[10.0, 20.0, 21.0, 22.0, None],
            c=[9.0, 8.0, 3.0, 2.0, 1.0],
            flat=[5.0] * 5,
        )
    )
    assert list(table.columns) == ["a", "b", "c", "flat"]
    assert table.loc["a", "b"] == pytest.approx(1)
    assert table.loc["a", "c"] == pytest.approx(-1)
    assert np.isnan(table.loc["a", "flat"])


def test_functions_that_agree_never_conflict_and_opposites_always_do_at_the_ends() -> None:
    scores = list(np.linspace(10, 90, 90))
    table = measure_conflict(
        table_of(a=scores, like_a=[s / 2 for s in scores], against=[100 - s for s in scores])
    )
    pairs = table.set_index(["first", "second"])
    assert pairs.loc[("a", "like_a"), "conflict"] == 0
    assert pairs.loc[("a", "against"), "conflict"] == pytest.approx(2 / 3)
    assert pairs["by_chance"].to_numpy() == pytest.approx(2 / 9)
    assert (pairs["n"] == 90).all()


def test_independent_functions_conflict_as_often_as_chance() -> None:
    n = 3000
    table = measure_conflict(table_of(a=list(100 * drawn(n, "a")), b=list(100 * drawn(n, "b"))))
    assert table.loc[0, "conflict"] == pytest.approx(table.loc[0, "by_chance"], abs=0.03)


def test_functions_that_never_meet_have_no_conflict_to_state() -> None:
    table = measure_conflict(table_of(a=[1.0, 2.0, None, None], b=[None, None, 1.0, 2.0]))
    assert table.loc[0, "n"] == 0
    assert np.isnan(table.loc[0, "conflict"])


def test_a_function_that_follows_damage_is_found_and_a_random_one_is_not() -> None:
    n = 480
    jitter_ms = np.tile([0.0, 10.0, 30.0, 60.0], n // DRAWS)
    readings = table_of(
        follows=list(80 - jitter_ms / 2 + 10 * drawn(n, "f")), random=list(100 * drawn(n, "r"))
    )
    rows = correlate_with_damage(readings, damage_of(jitter_ms), seed=1).set_index("function")
    follows, random = rows.loc["follows"], rows.loc["random"]
    for kind in ("pooled", "within"):
        assert follows[f"{kind}_rho"] < -0.85
        assert follows[f"{kind}_high"] < -0.8
        assert random[f"{kind}_low"] < 0 < random[f"{kind}_high"]
        assert abs(random[f"{kind}_rho"]) < 0.15
    assert follows[["n", "n_segments", "n_compositions"]].tolist() == [480, 120, 40]


def test_music_that_happens_to_be_damaged_more_does_not_pass_for_damage() -> None:
    """Slow pieces score low and were jittered more; within a piece, jitter changes nothing."""
    n = 480
    music = np.repeat(drawn(n // DRAWS, "music"), DRAWS)
    jitter_ms = 50 * music + 5 * drawn(n, "jitter")
    readings = table_of(confounded=list(90 - 60 * music + drawn(n, "score")))
    row = correlate_with_damage(readings, damage_of(jitter_ms), seed=1).iloc[0]
    assert row["pooled_rho"] < -0.9
    assert abs(row["within_rho"]) < 0.15
    assert row["within_low"] < 0 < row["within_high"]


def test_damage_hidden_by_the_music_is_found_within_segments() -> None:
    n = 480
    music = np.repeat(drawn(n // DRAWS, "music"), DRAWS)
    jitter_ms = np.tile([0.0, 10.0, 30.0, 60.0], n // DRAWS)
    readings = table_of(hidden=list(10 + 80 * music - jitter_ms / 60))
    row = correlate_with_damage(readings, damage_of(jitter_ms), seed=1).iloc[0]
    assert abs(row["pooled_rho"]) < 0.1
    assert row["within_rho"] < -0.9


def test_whole_compositions_are_drawn() -> None:
    """Twelve samples a composition that all say the same count once, not twelve times."""
    per_composition = 3 * DRAWS
    noise = np.repeat(drawn(20, "composition"), per_composition)
    jitter_ms = np.repeat(drawn(20, "damage"), per_composition)
    readings = table_of(a=list(100 * noise))
    row = correlate_with_damage(readings, damage_of(jitter_ms), seed=1).iloc[0]
    width = row["pooled_high"] - row["pooled_low"]
    assert width > 2 * 1.96 / np.sqrt(20) * 0.6


def test_infinite_and_missing_measures_and_single_draws() -> None:
    scores = [80.0, 70.0, 60.0, 50.0] * 6
    readings = table_of(a=scores)
    snr_db = np.tile([np.inf, 35.0, 25.0, 20.0], 6)
    ratio = np.where(np.arange(24) % 2, np.nan, 1.0)
    table = correlate_with_damage(
        readings,
        damage_of(np.zeros(24), realised_snr_db=snr_db, velocity_spread_ratio=ratio),
        seed=1,
    ).set_index("measure")
    assert table.loc["realised_snr_db", "within_rho"] == pytest.approx(1)
    assert np.isnan(table.loc["jitter_ms", "pooled_rho"])
    assert table.loc["velocity_spread_ratio", "n"] == 12
    alone = readings[readings["tier"] == "poor"]
    assert np.isnan(
        correlate_with_damage(alone, damage_of(drawn(24, "x")), seed=1).loc[0, "within_rho"]
    )


def test_the_bootstrap_repeats_and_does_not_hang_on_the_order_of_rows() -> None:
    readings = table_of(a=list(100 * drawn(240, "a")), b=list(100 * drawn(240, "b")))
    damage = damage_of(drawn(240, "d"))
    once = correlate_with_damage(readings, damage, seed=3).set_index("function")
    again = correlate_with_damage(readings[::-1], damage[::-1], seed=3).set_index("function")
    other = correlate_with_damage(readings, damage, seed=4).set_index("function")
    pd.testing.assert_frame_equal(once.loc[["a", "b"]], again.loc[["a", "b"]])
    assert once.loc["a", "pooled_low"] != other.loc["a", "pooled_low"]


def test_all_of_it_at_once_even_where_nothing_was_scored() -> None:
    readings = table_of(a=[1.0, 2.0, 3.0, 4.0], silent=[None] * 4)
    quality = assess_labels(readings, damage_of(np.arange(4.0)), seed=0)
    assert quality["coverage"].set_index("function").loc["silent", "coverage"] == 0
    assert list(quality["spread"]["function"]) == ["a"]
    assert list(quality["damage_correlation"]["function"]) == ["a"]
    assert quality["conflict"].loc[0, "n"] == 0
