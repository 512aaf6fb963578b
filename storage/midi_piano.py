"""Finds the piano part of a MIDI file and reads it as one instrument with 88 keys and pedals.

What is not piano is left out, with a remark that says how many notes.
"""

import re
from collections import Counter

import numpy as np
import pretty_midi
from numpy.typing import NDArray

from degradation.counted import counted
from degradation.notes import PEDAL_CONTROLLERS, PEDAL_DTYPE, PIANO_PITCHES, NoteArray, PedalArray
from storage.midi_events import CONTROL, NOTE_ON, PROGRAM, MidiEvents
from storage.midi_keys import find_notes

PIANO_PROGRAMS = range(8)
"""General MIDI's pianos (GM 1, instrument family 1), counted from 0."""

DRUM_CHANNEL = 9
"""General MIDI's channel 10."""

RESET_CONTROLLERS = 121
VOICE = re.compile(r"\b(vocals?|voix|singer|soprano|mezzo|alto|tenor|baritone?|choir|chorus)\b")
PIANO = re.compile(r"piano|klavier|pianoforte|keyboard")
"""What names of tracks say in small letters."""


def find_piano(events: MidiEvents) -> tuple[NoteArray, PedalArray, tuple[str, ...]]:
    """Return the piano's notes (by pitch and onset; maybe none), its pedal, and what was left out.

    Times are in seconds.
    """
    left_out = list(events.remarks)
    strikes = (events.kind == NOTE_ON) & (events.second > 0)
    others = _others(events, strikes, left_out)
    kept = strikes & ~others
    off_keys = kept & ~np.isin(events.first, PIANO_PITCHES)
    if off_keys.any():
        keys = f"{PIANO_PITCHES[0]}-{PIANO_PITCHES[-1]}"
        left_out.append(f"{_count(off_keys)} outside the piano's keys (MIDI {keys}) left out")
    played = ~_foreign(events, others, kept) & ~others & ~off_keys
    pedal = _pedal(events, played & (events.kind == CONTROL))
    return find_notes(events, played), pedal, tuple(left_out)


def _count(notes: NDArray[np.bool_]) -> str:
    return counted(int(notes.sum()), "note")


def _others(
    events: MidiEvents, strikes: NDArray[np.bool_], left_out: list[str]
) -> NDArray[np.bool_]:
    """Return which note-ons do not belong to the piano, and add remarks to `left_out`.

    Drums never do. Voices (a track with lyrics, or named as a voice beside one named as a piano)
    and other programs do only if there is no other part: a keyboard may be set to any one sound.
    """
    others: NDArray[np.bool_] = strikes & (events.channel % 16 == DRUM_CHANNEL)
    if others.any():
        left_out.append(f"{_count(others)} of drums (channel {DRUM_CHANNEL + 1}) left out")
    for number in np.unique(events.track[strikes]).tolist():
        sung = strikes & ~others & (events.track == number)
        if _is_voice(events, number) and 0 < sung.sum() < (strikes & ~others).sum():
            name = events.tracks[number].name
            left_out.append(f"{_count(sung)} of a voice (track {name or number + 1}) left out")
            others = others | sung
    program = _programs(events)
    found = Counter(program[strikes & ~others].tolist())
    pianos = sum(found[number] for number in PIANO_PROGRAMS)
    for number in sorted(set(found) - set(PIANO_PROGRAMS)):
        name = f"{pretty_midi.program_to_instrument_name(number)} (program {number + 1})"
        if pianos or len(found) > 1:
            played = strikes & ~others & (program == number)
            left_out.append(f"{_count(played)} of {name} left out")
            others = others | played
        else:
            left_out.append(f"no piano: its only instrument, {name}, is read as one")
    return others


def _is_voice(events: MidiEvents, number: int) -> bool:
    names = [track.name.casefold() for track in events.tracks]
    is_called_so = bool(VOICE.search(names[number])) and not PIANO.search(names[number])
    return events.tracks[number].has_lyrics or (is_called_so and any(map(PIANO.search, names)))


def _own_channels(events: MidiEvents) -> NDArray[np.int64]:
    """Return a number for each event's channel of its track."""
    return events.channel * len(events.tracks) + events.track


def _programs(events: MidiEvents) -> NDArray[np.int64]:
    """Return the program of each event's channel at its time; 0 where none is ever chosen.

    A track's own choice goes before that of another track, which may share its channel; one that
    comes late counts from the beginning.
    """
    program = np.full(len(events.kind), -1)
    changes = events.kind == PROGRAM
    if not changes.any():
        return np.zeros(len(program), dtype=np.int64)
    own = _own_channels(events)
    for sources in (own, events.channel):  # first by track and channel, then by channel
        for source in np.unique(sources[changes]).tolist():
            members = np.flatnonzero((sources == source) & (program < 0))
            (chosen,) = np.nonzero((sources == source) & changes)
            latest = np.maximum(np.searchsorted(chosen, members, side="right") - 1, 0)
            program[members] = events.first[chosen[latest]]
    program[program < 0] = 0
    return program


def _foreign(
    events: MidiEvents, others: NDArray[np.bool_], kept: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which events belong to a part that was left out: a track's channel, or a channel.

    A channel without notes belongs to the piano: some keyboards send their pedals on one.
    """
    own = _own_channels(events)
    channel = events.channel
    return (np.isin(own, own[others]) & ~np.isin(own, own[kept])) | (
        np.isin(channel, channel[others]) & ~np.isin(channel, channel[kept])
    )


def _pedal(events: MidiEvents, controls: NDArray[np.bool_]) -> PedalArray:
    """Return the movements of the three pedals, each as deep as its deepest channel has it."""
    moved, places = [], []
    resets = controls & (events.first == RESET_CONTROLLERS)
    for controller in PEDAL_CONTROLLERS:
        own = controls & (events.first == controller)
        at = np.flatnonzero(own | (resets & np.isin(events.channel, events.channel[own])))
        value = np.where(own[at], events.second[at], 0)
        kept = np.ones(len(at), dtype=bool)
        if resets[at].any() or len(np.unique(events.channel[at])) > 1:
            value, kept = _deepest(events.channel[at].tolist(), value.tolist(), own[at].tolist())
        movements = np.zeros(int(kept.sum()), dtype=PEDAL_DTYPE)
        movements["time_s"] = events.clock.seconds(events.tick[at][kept])
        movements["controller"], movements["value"] = controller, value[kept]
        moved.append(movements)
        places.append(at[kept])
    return np.concatenate(moved)[np.argsort(np.concatenate(places), kind="stable")]


def _deepest(
    channels: list[int], values: list[int], movements: list[bool]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return how far down a pedal is after each event, and which events move it.

    With one channel every movement counts; with several, the first and those that change the
    maximum. A reset of a pedal that is up does not count.
    """
    down: dict[int, int] = {}
    deepest, moved = [], []
    several, before = len(set(channels)) > 1, -1
    for channel, value, is_movement in zip(channels, values, movements, strict=True):
        down[channel] = value
        now = max(down.values())
        moved.append(now != max(before, 0) or (is_movement and (not several or before < 0)))
        deepest.append(now)
        before = now
    return np.array(deepest, dtype=np.int64), np.array(moved, dtype=bool)
