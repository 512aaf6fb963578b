"""A MIDI file's events as a piano would play them: one instrument with 88 keys and one foot.

The channels and tracks of the piano part are one instrument, whatever hands and keyboards wrote
them. A key struck by two of them is up when the last one lets go; each pedal is as far down as
its deepest channel has it. What is not piano is left out, in words that say how much it was.
"""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pretty_midi
from numpy.typing import NDArray

from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_CONTROLLERS,
    PEDAL_DTYPE,
    PIANO_PITCHES,
    NoteArray,
    PedalArray,
)
from storage.midi_events import CONTROL, NOTE_OFF, NOTE_ON, PROGRAM, MidiEvents

PIANO_PROGRAMS = range(8)
"""General MIDI's pianos (GM 1, instrument family 1), counted from 0."""

DRUM_CHANNEL = 9
"""General MIDI's channel 10."""

RESET_CONTROLLERS = 121
LET_GO = (120, 123, 124, 125, 126, 127)
"""Channel mode messages that end what is held: all sound off, all notes off, and the four mode
changes, which are all notes off as well (MIDI 1.0)."""

AT_ONCE_S = 0.005
"""Two channels strike a key within this time: one stroke, sent twice. A cable needs 1 ms a note."""

VOICE = re.compile(r"\b(vocals?|voix|singer|soprano|mezzo|alto|tenor|baritone?|choir|chorus)\b")
PIANO = re.compile(r"piano|klavier|pianoforte|keyboard")
"""What names of tracks say in small letters."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PianoPart:
    """Notes (times in seconds, by pitch), pedal movements by time, and what was left out."""

    notes: NoteArray
    pedal: PedalArray
    left_out: tuple[str, ...]


def find_piano(events: MidiEvents) -> PianoPart:
    """Return the piano part of a file; it may have no notes."""
    left_out = list(events.remarks)
    strikes = (events.kind == NOTE_ON) & (events.second > 0)
    others = _others(events, strikes, left_out)
    kept = strikes & ~others
    off_keys = kept & ~np.isin(events.first, PIANO_PITCHES)
    if off_keys.any():
        keys = f"{PIANO_PITCHES[0]}-{PIANO_PITCHES[-1]}"
        left_out.append(f"{_count(off_keys)} outside the piano's keys (MIDI {keys}) left out")
    heard = ~_foreign(events, others, kept) & ~others & ~off_keys
    return PianoPart(
        notes=_notes(events, heard),
        pedal=_pedal(events, heard & (events.kind == CONTROL)),
        left_out=tuple(left_out),
    )


def _count(notes: NDArray[np.bool_]) -> str:
    number = int(notes.sum())
    return "1 note" if number == 1 else f"{number:,} notes"


def _others(
    events: MidiEvents, strikes: NDArray[np.bool_], left_out: list[str]
) -> NDArray[np.bool_]:
    """Return which strikes are no piano's, and say so in `left_out`.

    Drums never are. Voices (a track of lyrics, or called so beside one that is called a piano)
    and programs beyond the pianos are not where another part is there: a keyboard may be set to
    any one sound.
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
    track = events.tracks[number]
    beside_a_piano = any(PIANO.search(other.name.casefold()) for other in events.tracks)
    name = track.name.casefold()
    is_called_so = bool(VOICE.search(name)) and not PIANO.search(name)
    return track.has_lyrics or (is_called_so and beside_a_piano)


def _programs(events: MidiEvents) -> NDArray[np.int64]:
    """Return the program of each event's channel at its time; 0 where none is ever chosen.

    A track's own choice goes before that of another track, which may share its channel; one that
    comes late counts from the beginning.
    """
    program = np.full(len(events.kind), -1)
    changes = events.kind == PROGRAM
    if not changes.any():
        return np.zeros(len(program), dtype=np.int64)
    own = events.channel * (len(events.tracks) + 1) + events.track
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
    own = events.channel * (len(events.tracks) + 1) + events.track
    foreign = np.isin(own, own[others]) & ~np.isin(own, own[kept])
    foreign |= np.isin(events.channel, events.channel[others]) & ~np.isin(
        events.channel, events.channel[kept]
    )
    return foreign


def _notes(events: MidiEvents, heard: NDArray[np.bool_]) -> NoteArray:
    """Return the notes of the heard events, each until its key is let go by all channels."""
    keys = np.flatnonzero(heard & ((events.kind == NOTE_ON) | (events.kind == NOTE_OFF)))
    channel, pitch = events.channel[keys], events.first[keys]
    until, silenced = _next_silence(events, keys, heard)
    order = np.lexsort((silenced, channel, pitch))  # stable: as they come, for each channel's key
    keys, until = keys[order], until[order]
    group = np.stack([pitch, channel, silenced], axis=1)[order]
    tick = events.tick[keys]
    velocity = np.where(events.kind[keys] == NOTE_ON, events.second[keys], 0)
    let_go = _let_go(tick, velocity > 0, (np.diff(group, axis=0) != 0).any(axis=1), until)
    strikes = velocity > 0
    tick, group = tick[strikes], group[strikes]
    let_go = np.maximum(let_go[strikes], tick + 1)  # a note lasts a tick
    onset_s = events.clock.seconds(tick)
    order = np.lexsort((group[:, 1], onset_s, group[:, 0]))
    return _one_keyboard(
        pitch=group[order, 0],
        channel=group[order, 1],
        onset_s=onset_s[order],
        offset_s=events.clock.seconds(let_go)[order],
        velocity=velocity[strikes][order],
    )


def _next_silence(
    events: MidiEvents, keys: NDArray[np.int64], heard: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return when each key event's channel is silenced next (a tick), and how often it was before.

    What nothing silences ends with the file.
    """
    until = np.full(len(keys), events.end_tick)
    silenced = np.zeros(len(keys), dtype=np.int64)
    messages = np.flatnonzero(heard & (events.kind == CONTROL) & np.isin(events.first, LET_GO))
    for channel in np.unique(events.channel[messages]).tolist():
        its_own = messages[events.channel[messages] == channel]
        at = events.channel[keys] == channel
        silenced[at] = np.searchsorted(its_own, keys[at])
        until[at] = np.append(events.tick[its_own], events.end_tick)[silenced[at]]
    return until, silenced


def _let_go(
    tick: NDArray[np.int64],
    struck: NDArray[np.bool_],
    other_next: NDArray[np.bool_],
    until: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the tick at which each stroke's key is let go; groups of events are one key each."""
    let_go = np.zeros(len(tick), dtype=np.int64)
    if not len(tick):
        return let_go
    starts = np.append(0, np.flatnonzero(other_next) + 1)
    stops = np.append(starts[1:], len(tick))
    # Nearly every key goes down and up in turn: then the next event lets it go.
    let_go[:-1] = np.where(other_next, until[:-1], tick[1:])
    let_go[-1] = until[-1]
    irregular = np.append(True, other_next) & ~struck
    irregular[1:] |= ~other_next & (struck[1:] == struck[:-1])
    for group in np.flatnonzero(np.logical_or.reduceat(irregular, starts)).tolist():
        within = slice(starts[group], stops[group])
        let_go[within] = _let_go_irregular(
            tick[within].tolist(), struck[within].tolist(), int(until[starts[group]])
        )
    return let_go


def _let_go_irregular(tick: list[int], struck: list[bool], until: int) -> list[int]:
    """Return when a key is let go that is struck while it is down, or let go while it is up.

    Strokes and releases are counted: two hands that hold a key let it go when both have. Where
    the count never comes back to none, a release was left out at each new stroke, and one
    release ends all strokes before it. A release that stands before its stroke on one tick,
    and is followed by no other, is that of a note without length.
    """
    let_go = [until] * len(tick)
    held, begun, stray = 0, 0, -1
    for number, (now, is_stroke) in enumerate(zip(tick, struck, strict=True)):
        if is_stroke:
            if not held and now == stray and all(struck[number + 1 : number + 2]):
                let_go[number], stray = now, -1
                continue
            begun = begun if held else number
            held += 1
        elif held:
            held -= 1
            if not held:
                let_go[begun:number] = [now] * (number - begun)
        else:
            stray = now
    down: list[int] = []
    for number in range(begun, len(tick)) if held else ():
        if struck[number]:
            down.append(number)
            continue
        # On the tick of a new stroke, the release is that of the old one.
        older = [stroke for stroke in down if tick[stroke] < tick[number]] or down
        for stroke in older:
            let_go[stroke] = tick[number]
        down = [] if older is down else [s for s in down if tick[s] == tick[number]]
    return let_go


def _one_keyboard(
    *,
    pitch: NDArray[np.int64],
    channel: NDArray[np.int64],
    onset_s: NDArray[np.float64],
    offset_s: NDArray[np.float64],
    velocity: NDArray[np.int64],
) -> NoteArray:
    """Return the strokes of all channels, by pitch and onset, as notes of one keyboard.

    Strokes at once are one, as loud as the loudest. A key is up when no channel holds it.
    """
    if not len(pitch):
        return np.zeros(0, dtype=NOTE_DTYPE)
    same_key = pitch[1:] == pitch[:-1]
    gap_s = np.diff(onset_s)
    twice = (channel[1:] != channel[:-1]) & (gap_s <= AT_ONCE_S) & (offset_s[:-1] > onset_s[1:])
    strokes = np.append(0, np.flatnonzero(~(same_key & ((gap_s == 0) | twice))) + 1)
    # Key after key on one axis, far apart: what holds one never reaches the next.
    far = pitch * (offset_s.max() + 1)
    held_s = np.maximum.accumulate(offset_s + far)
    spells = np.append(0, np.flatnonzero((onset_s + far)[1:] >= held_s[:-1]) + 1)
    up_s = np.repeat(np.maximum.reduceat(offset_s, spells), np.diff(spells, append=len(pitch)))
    notes = np.zeros(len(strokes), dtype=NOTE_DTYPE)
    notes["pitch"], notes["onset_s"] = pitch[strokes], onset_s[strokes]
    notes["offset_s"] = up_s[strokes]
    notes["velocity"] = np.maximum.reduceat(velocity, strokes)
    return notes


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
    """Return how far down a pedal is after each event, and which of them move it.

    Of one channel alone every movement counts, of several the first and those that change the
    deepest. A reset of a pedal that is up is none.
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
