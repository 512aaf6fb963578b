"""A PercePiano checkout: what is read of it, what is left out, and what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from degradation.errors import UserError
from storage.percepiano import (
    MAESTRO_MAP_FILE,
    MEANS_FILE,
    MIDI_FOLDER,
    RATINGS_FILE,
    SCALES,
    read_percepiano,
)


@pytest.fixture
def own(checkout: Path, tmp_path: Path) -> Path:
    """A copy of the checkout that a test may spoil."""
    return shutil.copytree(checkout, tmp_path / "own")


def test_every_clip_is_read_with_what_its_name_says(checkout: Path) -> None:
    rated = read_percepiano(checkout)
    assert len(rated.clips) == 54
    assert rated.faults == ()
    clip = next(c for c in rated.clips if c.stem == "Schubert_D960_mv3_8bars_Score_2")
    assert (clip.piece, clip.bars, clip.player, clip.segment) == (
        "Schubert_D960_mv3",
        8,
        "Score",
        2,
    )
    assert clip.is_score
    assert (clip.work, clip.score_segment) == ("Schubert_D960", "Schubert_D960_mv3_8bars_2")
    assert clip.means.shape == (len(SCALES),)
    assert len(clip.performance.notes) == 28
    assert sum(c.is_score for c in rated.clips) == 9
    assert sum(c.bars == 16 for c in rated.clips) == 3


def test_the_published_means_follow_from_the_answers_read(checkout: Path) -> None:
    rated = read_percepiano(checkout)
    assert rated.rows_refused == 1, "the row with an answer above 7"
    stems = np.asarray(rated.ratings.stems)
    assert np.isnan(rated.ratings.answers).sum() == len(rated.clips)
    for clip in rated.clips:
        mean = np.nanmean(rated.ratings.answers[stems == clip.stem], axis=0) / 7
        assert mean == pytest.approx(clip.means)


def test_what_cannot_be_used_is_left_out_with_its_reason(own: Path) -> None:
    folder = own / MIDI_FOLDER
    (folder / "Schubert_D960_mv3_8bars_1_1.mid").write_bytes(b"MThd, and no more")
    (folder / "Schubert_D960_mv3_8bars_2_1.mid").unlink()
    (folder / "take two.mid").write_bytes(b"")
    rated = read_percepiano(own)
    assert len(rated.clips) == 52
    reasons = {fault.item: fault.reason for fault in rated.faults}
    assert "cannot be read as MIDI" in reasons["Schubert_D960_mv3_8bars_1_1"]
    assert "no MIDI file" in reasons["Schubert_D960_mv3_8bars_2_1"]
    assert "no clip's name" in reasons["take two"]


def test_the_map_to_maestro_is_read_where_it_lies(own: Path) -> None:
    assert not any(clip.maestro_midi for clip in read_percepiano(own).clips)
    (own / MAESTRO_MAP_FILE).write_text(
        "file,maestro_midi\n Schubert_D960_mv3_8bars_1_1.mid,2015/a.midi\n"
        "Schubert_D960_mv3_8bars_2_1.mid,\n"
    )
    cut = {clip.stem: clip.maestro_midi for clip in read_percepiano(own).clips}
    assert cut["Schubert_D960_mv3_8bars_1_1"] == "2015/a.midi"
    assert cut["Schubert_D960_mv3_8bars_2_1"] is None


@pytest.mark.parametrize("missing", [MEANS_FILE, RATINGS_FILE])
def test_a_folder_that_is_no_checkout_is_refused_in_one_line(own: Path, missing: str) -> None:
    (own / missing).unlink()
    with pytest.raises(UserError, match=r"has no .*; expected a checkout of PercePiano") as refused:
        read_percepiano(own)
    assert "\n" not in str(refused.value)


def test_labels_of_another_shape_are_refused(own: Path) -> None:
    stored = json.loads((own / MEANS_FILE).read_text())
    stored["Schubert_D960_mv3_8bars_1_1"] = [0.5] * 7
    (own / MEANS_FILE).write_text(json.dumps(stored))
    with pytest.raises(UserError, match="has 7 labels of Schubert_D960_mv3_8bars_1_1"):
        read_percepiano(own)
    (own / MEANS_FILE).write_text("[]")
    with pytest.raises(UserError, match="expected a JSON object"):
        read_percepiano(own)


def test_ratings_of_another_shape_are_refused(own: Path) -> None:
    (own / RATINGS_FILE).write_text("who,what\n1,2\n")
    with pytest.raises(UserError, match="begins with the columns who, what and"):
        read_percepiano(own)
    (own / RATINGS_FILE).write_text("user,dataID,filename,Q\n1,2,a.wav,3\n")
    with pytest.raises(UserError, match=r"1 columns of answers; expected .* and 19"):
        read_percepiano(own)


@pytest.mark.real_data
@pytest.mark.slow
def test_the_published_copy_is_read_whole(real_data: Path) -> None:
    rated = read_percepiano(real_data / "percepiano")
    assert (len(rated.clips), rated.faults) == (1074, ())
    assert len(rated.ratings.stems) + rated.rows_refused == 12_928
    assert len(set(rated.ratings.raters)) <= 65
    assert sum(clip.is_score for clip in rated.clips) == 129
    assert sum(clip.maestro_midi is not None for clip in rated.clips) == 945
