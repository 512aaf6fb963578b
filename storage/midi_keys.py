"""Combines note-on and note-off events of all channels into the notes of one keyboard.

A key that two hands or channels strike is one key; it is up when the last of them releases it.
"""

import numpy as np
from numpy.typing import NDArray

from degradation.notes import NOTE_DTYPE, NoteArray
from storage.midi_events import CONTROL, NOTE_OFF, NOTE_ON, MidiEvents

LET_GO = (120, 123, 124, 125, 126, 127)
"""Channel mode messages that end what is held: all sound off, all notes off, and the four mode
changes, which are all notes off as well (MIDI 1.0)."""

AT_ONCE_S = 0.005
"""Strikes of one key on two channels within this time are one stroke. A cable takes 1 ms a note."""


def find_notes(events: MidiEvents, kept: NDArray[np.bool_]) -> NoteArray:
    """Return the notes of the kept events; each lasts until all channels release its key."""
    keys = np.flatnonzero(kept & ((events.kind == NOTE_ON) | (events.kind == NOTE_OFF)))
    channel, pitch = events.channel[keys], events.first[keys]
    until, silenced = _next_silence(events, keys, kept)
    order = np.lexsort((silenced, channel, pitch))  # stable: as they come, for each channel's key
    keys, until = keys[order], until[order]
    group = np.stack([pitch, channel, silenced], axis=1)[order]
    tick = events.tick[keys]
    velocity = np.where(events.kind[keys] == NOTE_ON, events.second[keys], 0)
    let_go = _let_go(tick, velocity > 0, (np.diff(group, axis=0) != 0).any(axis=1), until)
    strikes = velocity > 0
    tick, channel = tick[strikes], group[strikes, 1]
    notes = np.zeros(len(tick), dtype=NOTE_DTYPE)
    notes["pitch"], notes["velocity"] = group[strikes, 0], velocity[strikes]
    notes["onset_s"] = events.clock.seconds(tick)
    notes["offset_s"] = events.clock.seconds(np.maximum(let_go[strikes], tick + 1))
    order = np.lexsort((channel, notes["onset_s"], notes["pitch"]))
    return _one_keyboard(notes[order], channel[order])


def _next_silence(
    events: MidiEvents, keys: NDArray[np.int64], kept: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tick at which each key event's channel is silenced next (or the file ends), and
    how often it was before.
    """
    until = np.full(len(keys), events.end_tick)
    silenced = np.zeros(len(keys), dtype=np.int64)
    messages = np.flatnonzero(kept & (events.kind == CONTROL) & np.isin(events.first, LET_GO))
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

    Strokes and releases are counted: a key that two hands hold is up when both released it. If the
    count never returns to 0, releases are missing, and each release ends all strokes before it. A
    lone release before its stroke on the same tick belongs to a note of zero length.
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


def _one_keyboard(strokes: NoteArray, channel: NDArray[np.int64]) -> NoteArray:
    """Return the strokes of all channels, by pitch and onset, as notes of one keyboard.

    Strokes at once are one, as loud as the loudest. A key is up when no channel holds it.
    """
    if not len(strokes):
        return strokes
    pitch, onset_s, offset_s = (strokes[name] for name in ("pitch", "onset_s", "offset_s"))
    same_key = pitch[1:] == pitch[:-1]
    gap_s = np.diff(onset_s)
    twice = (channel[1:] != channel[:-1]) & (gap_s <= AT_ONCE_S) & (offset_s[:-1] > onset_s[1:])
    first = np.append(0, np.flatnonzero(~(same_key & ((gap_s == 0) | twice))) + 1)
    # Key after key on one axis, far apart: what holds one never reaches the next.
    far = pitch * (offset_s.max() + 1)
    held_s = np.maximum.accumulate(offset_s + far)
    spells = np.append(0, np.flatnonzero((onset_s + far)[1:] >= held_s[:-1]) + 1)
    up_s = np.repeat(np.maximum.reduceat(offset_s, spells), np.diff(spells, append=len(pitch)))
    notes: NoteArray = strokes[first]
    notes["offset_s"] = up_s[first]
    notes["velocity"] = np.maximum.reduceat(strokes["velocity"], first)
    return notes
