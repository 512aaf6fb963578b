"""Who plays: the habits in which one expert's rendition differs from another's."""

from dataclasses import dataclass, fields

from degradation.seeds import stream

HABITS = {
    "tempo_ratio": (0.93, 1.08),
    "rubato": (0.7, 1.5),
    "breath": (0.05, 0.16),
    "final_speed": (0.42, 0.62),
    "drift": (0.010, 0.022),
    "phrasing": (7.0, 14.0),
    "voicing": (20.0, 32.0),
    "bass_weight": (-2.0, 7.0),
    "metrical_accent": (2.0, 6.0),
    "loudness": (-4.0, 5.0),
    "touch_noise": (2.2, 4.0),
    "hammer_lead": (0.55, 1.0),
    "motor_noise_s": (0.003, 0.006),
    "legato_overlap_s": (0.015, 0.070),
    "detached_ratio": (0.68, 0.86),
    "staccato_ratio": (0.34, 0.52),
    "pedal_depth": (88.0, 127.0),
    "pedal_lag_s": (0.050, 0.120),
    "pedal_fall_s": (0.14, 0.26),
    "soft_depth": (0.0, 110.0),
}
"""Range of each habit. All of it is expert playing: nothing here is a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pianist:
    """The habits of one rendition.

    Tempo: `tempo_ratio` to the marked tempo; `rubato`, how far phrases bend it; `breath`, the
    slowing into a new phrase; `final_speed`, the last tempo over the middle one; `drift`, its
    unsteadiness (standard deviation of log tempo). Loudness, in MIDI velocities: `phrasing`,
    how far a phrase swells; `voicing`, melody above inner voices; `bass_weight`, bass above
    inner voices; `metrical_accent`, `loudness`; `touch_noise` (standard deviation). Touch:
    `hammer_lead`, how much of the hammer's travel is left uncorrected; `motor_noise_s`;
    `legato_overlap_s`; `detached_ratio` and `staccato_ratio` of the written length. Pedals:
    `pedal_depth` and `soft_depth` in controller values; `pedal_lag_s` from the harmony to the
    foot's lift; `pedal_fall_s` to push it down.
    """

    tempo_ratio: float
    rubato: float
    breath: float
    final_speed: float
    drift: float
    phrasing: float
    voicing: float
    bass_weight: float
    metrical_accent: float
    loudness: float
    touch_noise: float
    hammer_lead: float
    motor_noise_s: float
    legato_overlap_s: float
    detached_ratio: float
    staccato_ratio: float
    pedal_depth: float
    pedal_lag_s: float
    pedal_fall_s: float
    soft_depth: float


def draw_pianists(seed: int, title: str, count: int) -> list[Pianist]:
    """Return `count` pianists for a piece, spread over the range of every habit.

    Each range is cut into `count` equal parts and each pianist's habit lies in the middle half
    of a part of their own (after Latin hypercube sampling; McKay, Beckman & Conover 1979), so
    that no two play alike.
    """
    habits: dict[str, list[float]] = {}
    for habit in (field.name for field in fields(Pianist)):
        rng = stream(seed, "pianist", title, habit)
        low, high = HABITS[habit]
        share = (rng.permutation(count) + rng.uniform(0.25, 0.75, count)) / count
        habits[habit] = [float(low + (high - low) * part) for part in share]
    return [
        Pianist(**{habit: values[number] for habit, values in habits.items()})
        for number in range(count)
    ]
