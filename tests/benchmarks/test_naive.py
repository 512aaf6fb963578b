import io
from pathlib import Path

import pandas as pd
import pretty_midi
import soundfile

from benchmarks.naive import make_pairs
from storage.demo_corpus import write_demo_corpus


def test_the_script_does_the_same_job(tmp_path: Path) -> None:
    write_demo_corpus(tmp_path)
    assert make_pairs(tmp_path, 6, tmp_path / "pairs.parquet") > 0
    rows = pd.read_parquet(tmp_path / "pairs.parquet")
    assert len(rows) == 6
    for row in rows.to_dict("records"):
        samples, rate_hz = soundfile.read(io.BytesIO(row["audio"]))
        assert len(samples) == 10 * rate_hz
        assert abs(samples).max() > 0.01
        notes = [
            pretty_midi.PrettyMIDI(io.BytesIO(row[name])).instruments[0].notes
            for name in ("clean_midi", "midi")
        ]
        assert len(notes[0]) == len(notes[1]) > 10
        assert (row["jitter_ms"] > 5) == (row["tier"] != "pristine")
