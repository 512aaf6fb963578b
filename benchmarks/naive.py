"""The same pairs as an afternoon's script makes them: `python -m benchmarks.naive`.

Recipe `phase2` in the obvious way: pretty_midi renders (a new FluidSynth each time, as its method
does), librosa measures, soundfile encodes, pandas writes. No grid, no edits, no provenance, no
replay. It prints how many pairs a second it makes, and how many the product does.
"""

import io
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pretty_midi
import scipy
import soundfile
import typer

from benchmarks.pairs import bench_pairs, small_corpus
from degradation.recipe import TIERS
from pipelines.settings import find_recipe

RATE_HZ, WINDOW_S, HOP_S = 24_000, 10.0, 5.0
SHARES = (0.30, 0.30, 0.25, 0.15)
JITTER_S = {"pristine": 0.0, "good": 0.010, "moderate": 0.030, "poor": 0.060}
WRONG = {"pristine": 0.0, "good": 0.0, "moderate": 0.02, "poor": 0.05}
COMPRESSED = {"pristine": 0.0, "good": 0.0, "moderate": 0.3, "poor": 0.5}
SNR_DB = {"good": 35, "moderate": 25, "poor": 20}
SCORES = {"pristine": (95, 100), "good": (80, 95), "moderate": (65, 80), "poor": (50, 65)}


def cut(piece: pretty_midi.PrettyMIDI, start_s: float) -> pretty_midi.PrettyMIDI:
    """Return a window of a piece."""
    window = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(program=0)
    for note in piece.instruments[0].notes:
        if start_s <= note.start < start_s + WINDOW_S:
            end_s = min(note.end - start_s, WINDOW_S)
            piano.notes.append(
                pretty_midi.Note(note.velocity, note.pitch, note.start - start_s, end_s)
            )
    for change in piece.instruments[0].control_changes:
        if start_s <= change.time < start_s + WINDOW_S:
            moved = pretty_midi.ControlChange(change.number, change.value, change.time - start_s)
            piano.control_changes.append(moved)
    window.instruments.append(piano)
    return window


def damage(clean: pretty_midi.PrettyMIDI, tier: str, rng: np.random.Generator) -> None:
    """Damage the notes of a window in place."""
    notes = clean.instruments[0].notes
    mean = np.mean([note.velocity for note in notes])
    for note in notes:
        shift_s = rng.normal(0, JITTER_S[tier])
        length_s = note.end - note.start
        note.start = float(np.clip(note.start + shift_s, 0, WINDOW_S - 0.01))
        note.end = min(note.start + length_s, WINDOW_S)
        if rng.random() < WRONG[tier]:
            note.pitch = int(np.clip(note.pitch + rng.choice([-3, -2, -1, 1, 2, 3]), 21, 108))
        note.velocity = round(mean + (1 - COMPRESSED[tier]) * (note.velocity - mean))


def record(played: pretty_midi.PrettyMIDI, tier: str, rng: np.random.Generator) -> np.ndarray:
    """Return the sound of a window, filtered and with noise as its tier has them."""
    sound = librosa.util.fix_length(played.fluidsynth(fs=RATE_HZ), size=int(WINDOW_S * RATE_HZ))
    if tier == "poor":
        band = scipy.signal.butter(2, (200, 6000), "bandpass", fs=RATE_HZ, output="sos")
        sound = scipy.signal.sosfiltfilt(band, sound)
    if tier in SNR_DB:
        level = np.sqrt(np.mean(sound**2))
        sound = sound + rng.normal(0, level * 10 ** (-SNR_DB[tier] / 20), len(sound))
    return np.asarray(sound / max(np.abs(sound).max(), 1))


def make_row(
    name: str, piece: pretty_midi.PrettyMIDI, start_s: float, rng: np.random.Generator
) -> dict[str, object]:
    """Return one graded version of a window."""
    tier = str(rng.choice(TIERS, p=SHARES))
    clean, played = cut(piece, start_s), cut(piece, start_s)
    damage(played, tier, rng)
    sound = record(played, tier, rng)
    flac, midi, clean_midi = io.BytesIO(), io.BytesIO(), io.BytesIO()
    soundfile.write(flac, sound, RATE_HZ, format="FLAC", subtype="PCM_16")
    played.write(midi)
    clean.write(clean_midi)
    before, after = (
        np.array([note.start for note in midi.instruments[0].notes]) for midi in (clean, played)
    )
    return {
        "name": f"{name}-{start_s:.0f}",
        "tier": tier,
        "level": float(librosa.feature.rms(y=sound).mean()),
        "jitter_ms": 1000 * float(np.std(after - before)),
        **{f"score_{number}": rng.uniform(*SCORES[tier]) for number in range(8)},
        "audio": flac.getvalue(),
        "midi": midi.getvalue(),
        "clean_midi": clean_midi.getvalue(),
    }


def make_rows(root: Path) -> Iterator[dict[str, object]]:
    """Yield four graded versions of every window of a root's music."""
    rng = np.random.default_rng(0)
    for path in sorted(root.rglob("*.mid*")):
        piece = pretty_midi.PrettyMIDI(str(path))
        for start_s in np.arange(0, piece.get_end_time() - WINDOW_S, HOP_S):
            for _ in range(4):
                yield make_row(path.stem, piece, float(start_s), rng)


def make_pairs(root: Path, pairs: int, file: Path) -> float:
    """Write some pairs of a root's music; return the processor's seconds a pair."""
    begun_s = time.process_time()
    pd.DataFrame(islice(make_rows(root), pairs)).to_parquet(file)
    return (time.process_time() - begun_s) / pairs


def main(pairs: int = 80) -> None:
    """Print the pairs a second and core of the script and of the product."""
    with small_corpus(None) as workspace, tempfile.TemporaryDirectory() as out:
        script_s = make_pairs(workspace.root, pairs, Path(out) / "pairs.parquet")
        product_s = bench_pairs(find_recipe("phase2"), workspace, pairs).pair_s
    typer.echo(f"script  {1 / script_s:5.1f} pairs a second and core")
    typer.echo(f"product {1 / product_s:5.1f}, {script_s / product_s:.1f} times as many")


if __name__ == "__main__":
    typer.run(main)
