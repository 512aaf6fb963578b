"""The columns that only rows of a factored recipe fill."""

from typing import Any

from degradation.draws import HELD_OUT, FactoredDraw
from degradation.nuisance import Recording
from labeling.scores import severities
from storage.shared_columns import RECORDING_QUALITY

COUNTERFACTUAL = "_counterfactual"
"""Suffix of the split of counterfactual rows, which keeps them out of the ordinary splits."""

COUNTERFACTUAL_SPLITS = tuple(f"{split}{COUNTERFACTUAL}" for split in HELD_OUT)


def factored_columns(draw: FactoredDraw, segment: dict[str, Any]) -> dict[str, Any]:
    """Return severities, family and recording of a draw, and the split that it belongs to."""
    return {f"severity_{name}": jnd for name, jnd in severities(draw).items()} | {
        "split": segment["split"] + (COUNTERFACTUAL if draw.family else ""),
        "family": draw.family,
        "varied": draw.varied,
        "varied_severity_jnd": draw.varied_severity_jnd,
        "recording_quality": recording_quality(draw.recording),
    }


def recording_quality(recording: Recording) -> dict[str, Any]:
    """Return a recording as a value of the `recording_quality` column."""
    instrument, room, noise = recording.instrument, recording.room, recording.noise
    values = (
        f"{instrument.soundfont} {instrument.bank}:{instrument.program}",
        room.name if room else None,
        room.rt60_s(instrument.sample_rate_hz) if room else None,
        noise.colour if noise else None,
        noise.snr_db if noise else None,
        recording.gain.gain_db,
        recording.band.low_hz,
        recording.band.high_hz,
        ", ".join(
            f"{band.shape} {band.frequency_hz:g} Hz {band.gain_db:+g} dB"
            for band in recording.equaliser.bands
        ),
    )
    return dict(zip(RECORDING_QUALITY.names, values, strict=True))
