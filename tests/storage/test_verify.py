from typing import Any

import numpy as np
import pytest

from degradation.notes import Performance
from degradation.render import Instrument
from degradation.waveform import Waveform, snr_db
from storage.audio import decode_audio, encode_flac
from storage.midi import read_midi, write_midi
from storage.tables import Table, read_table
from storage.verify import dry_sound, measured_snr_db, onset_lag_s, row_onset_lag_s


@pytest.fixture(scope="module")
def rows(shards: Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_table(shards).to_table().to_pylist()
    return sorted(found, key=lambda row: str(row["sample_id"]))


@pytest.mark.parametrize(("tier", "asked_db"), [("good", 35), ("moderate", 25), ("poor", 20)])
def test_the_snr_of_the_stored_bytes_is_the_one_asked_for(
    rows: list[dict[str, Any]], tier: str, asked_db: float
) -> None:
    for row in [row for row in rows if row["tier"] == tier][:4]:
        assert measured_snr_db(row, None) == pytest.approx(asked_db, abs=0.1)


def test_bytes_that_are_noisier_than_their_row_says_are_found_out(
    rows: list[dict[str, Any]],
) -> None:
    row = next(row for row in rows if row["tier"] == "good")
    stored = decode_audio(row["audio"]["bytes"], "x")
    noise = np.random.Generator(np.random.PCG64(1)).standard_normal(len(stored.samples)) * 0.002
    noisier = Waveform(
        samples=(stored.samples + noise).astype(np.float32), sample_rate_hz=stored.sample_rate_hz
    )
    other = row | {"audio": {"bytes": encode_flac(noisier), "path": "x"}}
    measured = measured_snr_db(other, None)
    assert measured is not None
    assert measured < row["realised_snr_db"] - 0.3


def test_a_row_without_noise_has_no_snr(rows: list[dict[str, Any]]) -> None:
    row = next(row for row in rows if row["tier"] == "pristine")
    assert measured_snr_db(row, None) is None


@pytest.mark.parametrize("shift_s", [-0.05, 0.0, 0.05, 0.1])
def test_a_known_shift_of_the_audio_is_found(rows: list[dict[str, Any]], shift_s: float) -> None:
    lags_s = []
    for row in [row for row in rows if row["tier"] == "pristine"]:
        performance = read_midi(row["midi"]["bytes"], "x")
        sound = decode_audio(row["audio"]["bytes"], "x")
        moved = np.roll(sound.samples, round(shift_s * sound.sample_rate_hz))
        shifted = Waveform(samples=moved, sample_rate_hz=sound.sample_rate_hz)
        lags_s.append(onset_lag_s(performance, shifted) - onset_lag_s(performance, sound))
    assert np.median(lags_s) == pytest.approx(shift_s, abs=0.006)


def test_rendered_rows_are_in_time_with_the_notes_that_are_heard(
    rows: list[dict[str, Any]],
) -> None:
    for tier in ("pristine", "poor"):
        lags_s = [row_onset_lag_s(row) for row in rows if row["tier"] == tier][:8]
        assert 0 <= np.median(lags_s) <= 0.03


def test_a_recorded_row_is_in_time_with_the_clean_notes(rows: list[dict[str, Any]]) -> None:
    row = next(row for row in rows if row["tier"] == "pristine")
    late = read_midi(row["midi"]["bytes"], "x")
    notes = late.notes.copy()
    notes["onset_s"] = np.minimum(notes["onset_s"] + 0.1, 9.9)
    notes["offset_s"] = np.maximum(notes["offset_s"] + 0.1, notes["onset_s"] + 0.01)
    moved = write_midi(
        Performance(notes=np.sort(notes[:5], order="onset_s"), pedal=late.pedal[:0], duration_s=11)
    )
    recorded = row | {"audio_source": "recorded", "midi": {"bytes": moved, "path": "x"}}
    assert row_onset_lag_s(recorded) == row_onset_lag_s(row)


def dry_of(row: dict[str, Any], **changed: Any) -> Waveform:
    instrument = Instrument.model_validate_json(row["instrument"]).model_copy(update=changed)
    return dry_sound(row, instrument, None)


def test_an_untouched_row_is_dry_already(rows: list[dict[str, Any]]) -> None:
    row = next(row for row in rows if row["tier"] == "pristine")
    stored, dry = decode_audio(row["audio"]["bytes"], "x"), dry_of(row)
    assert np.abs(stored.samples - dry.samples).max() <= 1 / 2**15


def test_a_dry_row_has_its_damaged_notes_and_no_noise(rows: list[dict[str, Any]]) -> None:
    row = next(r for r in rows if r["tier"] == "good" and r["gain_db"] == 0)
    stored, dry = decode_audio(row["audio"]["bytes"], "x"), dry_of(row)
    assert snr_db(dry.samples, stored.samples) == pytest.approx(row["realised_snr_db"], abs=0.1)


def test_a_dry_row_is_heard_on_the_instrument_that_is_asked_for(
    rows: list[dict[str, Any]],
) -> None:
    row = next(row for row in rows if row["tier"] == "good")
    softer = dry_of(row, gain=0.1)
    ratio = np.abs(softer.samples).max() / np.abs(dry_of(row, gain=0.2).samples).max()
    assert ratio == pytest.approx(0.5, rel=1e-3)
