"""The feet: continuous sustain pedal, changed just after each harmony, and the left pedal.

The movement follows what Disklavier files of competition pianists show: values every 20 ms, a
lift that begins 50 to 120 ms after the new harmony (syncopated pedalling; Banowetz, The
Pianist's Guide to Pedaling, 1985), a short moment up, a slower fall, and depths that differ.
"""

import itertools

import numpy as np

from degradation.notes import PEDAL_DTYPE, SOFT, SUSTAIN, PedalArray, snap, sort_pedal
from tools.demo_corpus.pianist import Pianist
from tools.demo_corpus.score import Piece
from tools.demo_corpus.tempo import FloatArray, TempoMap

SAMPLE_S = 0.02
LIFT_S, UP_S = 0.10, 0.04
"""How long the foot takes to come up, and stays there, where there is time for it."""
SHORTEST_CHANGE_SHARE = 0.45
"""A change takes at most this share of the time to the next one."""
SPAN_RELEASE_S, LAST_CHORD_S = (0.02, 0.20), (0.95, 1.35)
"""How long after a pedalled passage, and after the piece, the foot begins to lift."""
SHALLOWEST_SOFT = 30.0
"""Pianists whose habit is shallower than this play without the left pedal."""

Curve = list[tuple[float, float]]
"""Corners of a movement: time in seconds and controller value; between them it is smooth."""


def change_spans(piece: Piece, tempo: TempoMap) -> list[list[float]]:
    """Return runs of pedal changes: their times, and last the time at which the foot lifts."""
    spans: list[list[float]] = []
    for entry in piece.pedal.split():
        bars, changes = entry.split("/")
        start_q, end_q = piece.bars_q(bars)
        step_q = float(piece.bar_q) / int(changes)
        count = round((end_q - start_q) / step_q)
        times_s = [float(tempo.at(start_q + k * step_q)) for k in range(count + 1)]
        if spans and abs(spans[-1][-1] - times_s[0]) < 1e-9:
            spans[-1] = [*spans[-1][:-1], *times_s]
        else:
            spans.append(times_s)
    return spans


def change(
    from_value: float, harmony_s: float, next_s: float, pianist: Pianist, rng: np.random.Generator
) -> Curve:
    """Return one change of pedal: held from before, up after the new harmony, and down again.

    One change in four stops short of the top, which half-damps the old harmony. A pedal that
    was up before only goes down.
    """
    lag_s = pianist.pedal_lag_s * rng.uniform(0.7, 1.3)
    up_s, fall_s = UP_S * rng.uniform(0.3, 2.5), pianist.pedal_fall_s * rng.uniform(0.8, 1.2)
    depth = min(127.0, pianist.pedal_depth * rng.uniform(0.72, 1.08))
    settled = min(127.0, depth * rng.uniform(0.86, 1.06))
    floor = rng.uniform(8, 30) if rng.uniform() < 0.25 else 0.0
    room_s = SHORTEST_CHANGE_SHARE * (next_s - harmony_s)
    squeeze = min(1.0, room_s / (lag_s + LIFT_S + up_s + fall_s))
    curve = [(harmony_s + squeeze * lag_s, from_value)]
    if from_value > 0:
        top_s = curve[0][0] + squeeze * LIFT_S
        curve += [(top_s, floor), (top_s + squeeze * up_s, floor)]
    down_s = curve[-1][0] + squeeze * fall_s
    return [*curve, (down_s, depth), (0.5 * (down_s + next_s), settled)]


def sustain_curve(
    spans: list[list[float]], pianist: Pianist, end_s: float, rng: np.random.Generator
) -> Curve:
    """Return the corners of the right pedal's movement; it holds the last chord a while."""
    curve: Curve = [(0.0, 0.0)]
    for times_s in spans:
        for harmony_s, next_s in itertools.pairwise(times_s):
            curve += change(curve[-1][1], harmony_s, next_s, pianist, rng)
        after_s = LAST_CHORD_S if times_s[-1] >= end_s - 0.1 else SPAN_RELEASE_S
        release_s = times_s[-1] + rng.uniform(*after_s)
        curve += [(release_s, curve[-1][1]), (release_s + rng.uniform(0.12, 0.4), 0.0)]
    return curve


def soft_curve(piece: Piece, tempo: TempoMap, pianist: Pianist, rng: np.random.Generator) -> Curve:
    """Return the corners of the left pedal's movement; shallow habits leave it alone."""
    curve: Curve = [(0.0, 0.0)]
    if pianist.soft_depth < SHALLOWEST_SOFT:
        return curve
    for bars in piece.soft.split():
        down_s, up_s = (float(tempo.at(q)) for q in piece.bars_q(bars))
        depth = min(127.0, pianist.soft_depth * rng.uniform(0.85, 1.1))
        curve += [(max(down_s - 0.45, 0.1), 0.0), (max(down_s - 0.1, 0.35), depth)]
        curve += [(up_s - 0.3, depth), (up_s, 0.0)]
    return curve


def sampled(curve: Curve, controller: int, wobble: FloatArray) -> PedalArray:
    """Return a movement as controller events, one wherever the value has changed.

    Between corners it is smooth (a raised cosine); `wobble` is the restlessness of a foot that
    holds the pedal, in controller values, one a sample.
    """
    corner_s = np.maximum.accumulate(np.array([time_s for time_s, _ in curve]))
    corner_value = np.array([value for _, value in curve])
    time_s = np.arange(0.0, corner_s[-1] + 2 * SAMPLE_S, SAMPLE_S)
    after = np.clip(np.searchsorted(corner_s, time_s, "right"), 1, len(corner_s) - 1)
    width_s = np.maximum(corner_s[after] - corner_s[after - 1], 1e-9)
    share = np.clip((time_s - corner_s[after - 1]) / width_s, 0.0, 1.0)
    smooth = 0.5 - 0.5 * np.cos(np.pi * share)
    value = corner_value[after - 1] + (corner_value[after] - corner_value[after - 1]) * smooth
    value += wobble[: len(value)] * np.clip(value / 60, 0.0, 1.0)
    step = np.clip(np.rint(value), 0, 127).astype(np.uint8)
    changed = np.flatnonzero(np.diff(step, prepend=np.uint8(0)))
    events = np.zeros(len(changed), dtype=PEDAL_DTYPE)
    events["time_s"], events["controller"] = snap(time_s[changed]), controller
    events["value"] = step[changed]
    return events


def draw_pedal(
    piece: Piece, tempo: TempoMap, pianist: Pianist, end_q: float, rng: np.random.Generator
) -> PedalArray:
    """Return a pianist's movements of both pedals over the whole piece."""
    end_s = float(tempo.at(end_q))
    corners = int((end_s + 4) / 0.3)
    wobble = np.interp(
        np.arange(0.0, end_s + 4, SAMPLE_S), np.arange(corners) * 0.3, rng.normal(0, 3.0, corners)
    )
    spans = change_spans(piece, tempo)
    sustain = sampled(sustain_curve(spans, pianist, end_s, rng), SUSTAIN, wobble)
    soft = sampled(soft_curve(piece, tempo, pianist, rng), SOFT, np.zeros_like(wobble))
    return sort_pedal(np.concatenate([sustain, soft]))
