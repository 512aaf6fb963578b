"""Overlap with training: excerpts of what a model was trained on, by notes or by the map."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from degradation.notes import Performance, cut_window
from models.evaluation.human.training_overlap import find_overlap
from storage.percepiano import Clip, read_percepiano


@pytest.fixture(scope="module")
def clips(checkout: Path) -> list[Clip]:
    return list(read_percepiano(checkout).clips)


def test_an_excerpt_is_found_in_a_longer_performance(clips: list[Clip]) -> None:
    whole = clips[0].performance
    excerpt = replace(clips[0], performance=cut_window(whole, 1.1, 3.0))
    assert find_overlap([excerpt, *clips[1:]], [("a.midi", whole)]) == {clips[0].stem}


def test_the_same_music_played_by_another_is_not_the_same_playing(clips: list[Clip]) -> None:
    first, other = (
        next(clip for clip in clips if clip.player == player and clip.segment == 1)
        for player in ("1", "2")
    )
    assert np.array_equal(first.performance.notes["pitch"], other.performance.notes["pitch"])
    assert find_overlap([other], [("a.midi", first.performance)]) == set()


def test_a_clip_that_the_map_names_overlaps(clips: list[Clip]) -> None:
    named = replace(clips[0], maestro_midi="2015/b.midi")
    elsewhere = clips[-1].performance
    assert find_overlap([named], [("2015/b.midi", elsewhere)]) == {named.stem}
    assert find_overlap([named], [("2015/c.midi", elsewhere)]) == set()


def test_a_performance_of_a_few_notes_holds_no_excerpt(clips: list[Clip]) -> None:
    few = Performance(
        notes=clips[0].performance.notes[:3].copy(),
        pedal=clips[0].performance.pedal[:0],
        duration_s=6.0,
    )
    assert find_overlap(clips[:3], [("a.midi", few)]) == set()


@pytest.mark.real_data
def test_notes_find_the_clips_that_the_map_names(real_data: Path) -> None:
    from storage.midi import read_midi

    rated = read_percepiano(real_data / "percepiano").clips
    name = "2015/MIDI-Unprocessed_R2_D2-12-13-15_mid--AUDIO-from_mp3_12_R2_2015_wav--1.midi"
    performance = read_midi((real_data / "maestro-v3.0.0" / name).read_bytes(), name)
    mapped = {clip.stem for clip in rated if clip.maestro_midi == name}
    assert mapped
    unmapped = [replace(clip, maestro_midi=None) for clip in rated]
    assert find_overlap(unmapped, [(name, performance)]) == mapped
