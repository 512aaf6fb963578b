"""Columns that several tables have, one by one or in groups. `storage.schema` has the tables."""

import pyarrow as pa

from labeling.functions import LABELING_FUNCTIONS
from labeling.scores import DIMENSIONS
from storage.columns import column, number_columns, text_columns

STRENGTHS = pa.list_(
    pa.struct([("operation", pa.string()), ("strength", pa.float64()), ("unit", pa.string())])
)

(SAMPLE_ID,) = text_columns(sample_id="Unique name of the row: segment, recipe and draw.")
(SEGMENT_ID,) = text_columns(segment_id="Name of the segment: performance and start in seconds.")
(PERFORMANCE_ID,) = text_columns(
    performance_id="Name of the performance: year, composer, title and a digest of the file name."
)
(TIER,) = text_columns(tier="pristine, good, moderate or poor. Partition column.")
YEAR = column("year", pa.int16(), "Year of the recording, from the corpus. Partition column.")
(SPLIT,) = text_columns(
    split="train, validation or test, from the corpus. Rows of counterfactual families have "
    "validation_counterfactual or test_counterfactual instead."
)
MUSIC = text_columns(
    composer="Composer, from the corpus.",
    title="Title, from the corpus.",
    composition="Composer and title in lower case without punctuation; each is in one split only.",
)
FILES = text_columns(
    midi_filename="Path of the MIDI file, relative to the corpus root.",
    audio_filename="Path of the audio file, relative to the corpus root; empty without audio.",
)
WINDOW = number_columns(
    start_s="Start of the segment in the performance, in seconds.",
    duration_s="Length of the segment in seconds.",
)

SCORES = tuple(
    column(name, pa.float32(), f"Score for {name.replace('_', ' ')}, 50 to 100.")
    for name in DIMENSIONS
)

SEVERITIES = tuple(
    column(
        f"severity_{name}",
        pa.float64(),
        f"Severity of the damage to {name.replace('_', ' ')}, in just-noticeable differences; it "
        "determines the score. Null in tiered recipes.",
    )
    for name in DIMENSIONS
)

FAMILY = (
    *text_columns(
        family="Name of the counterfactual family: rows of one segment that differ in one thing "
        "only; null for ordinary draws.",
        varied="What differs: a factor, `nothing` (undamaged base row) or `nuisance` (undamaged, "
        "with another recording); null for ordinary draws.",
    ),
    *number_columns(
        varied_severity_jnd="Severity requested for the varied factor, in just-noticeable "
        "differences; 0 for `nothing` and `nuisance`, null for ordinary draws.",
    ),
)

RECORDING_QUALITY = pa.struct(
    [
        ("instrument", pa.string()),
        ("room", pa.string()),
        ("rt60_s", pa.float64()),
        ("noise", pa.string()),
        ("snr_db", pa.float64()),
        ("gain_db", pa.float64()),
        ("low_hz", pa.float64()),
        ("high_hz", pa.float64()),
        ("equaliser", pa.string()),
    ]
)

ABOUT_DAMAGE = (
    column("strengths", STRENGTHS, "Operations requested by the recipe: name, strength and unit."),
    *number_columns(
        jitter_ms="Root mean square of the onset shifts, in ms; null if no note was kept.",
        wrong_note_share="Notes with a changed pitch, as a share of the clean notes.",
        missed_note_share="Notes removed, as a share of the clean notes.",
        extra_note_share="Notes added, as a share of the clean notes.",
        velocity_spread_ratio="Standard deviation of the velocities, damaged divided by clean; "
        "null if all clean velocities are equal.",
        local_jitter_ms="Root mean square of each chord's onset shift relative to the mean shift "
        "of the chords around it, in ms; null if every chord is far from all others.",
        chord_jitter_ms="Standard deviation of the onset shifts within chords, in ms; null "
        "without chords.",
        tempo_change_share="Standard deviation of the natural logarithm of the local tempo, "
        "damaged over clean; null below 3 chords.",
        articulation_spread_octaves="Standard deviation of the binary logarithm of key-down "
        "times, damaged over clean; null if no note was kept.",
        velocity_roughness="Residual standard deviation of the damaged velocities, in MIDI "
        "velocity, after a linear fit on clean velocity, its slow course, and the voice; null "
        "with too few notes for the fit.",
        voicing_loss_velocity="By how much the mean velocity of melodies fell relative to their "
        "accompaniment, in MIDI velocity; null without an accompanied melody.",
        loudness_shape_kept="Regression slope of the slow course of velocity, damaged on clean: 1 "
        "is unchanged, 0 is flat; null if the clean course is flat.",
        tempo_shape_kept="Regression slope of the slow course of the log beat, damaged on clean: "
        "1 is unchanged, 0 is flat; null if the clean course is flat.",
        pedal_lag_s="Median delay of the sustain pedal's movements relative to the notes around "
        "them, in seconds; null if the pedal never moves.",
        lost_lift_share="Share of the pedal changes in which the pedal no longer comes up (CC64 "
        "below 64); null without pedal changes.",
        realised_snr_db="Measured signal-to-noise ratio in dB; null without noise.",
        level_dbfs="Measured RMS level of the audio, in dB relative to full scale.",
        gain_db="Attenuation that prevents clipping, as a gain in dB; 0 in most rows.",
    ),
    column(
        "recording_quality",
        RECORDING_QUALITY,
        "Recording conditions, independent of the playing: instrument (soundfont bank:program), "
        "room and its measured reverberation time (null without a room), colour and SNR of the "
        "noise (null without noise), gain, passband and equaliser. Null in tiered recipes.",
    ),
)

ABOUT_ORIGIN = (
    *text_columns(
        audio_source="rendered: the audio is synthesised from the damaged notes. recorded: the "
        "audio is the corpus's recording, changed by sound operations only.",
    ),
    *WINDOW,
    column("note_count", pa.int32(), "Number of notes of the clean segment."),
    *FILES,
    *text_columns(
        corpus="Name of the corpus.",
        licence="Licence of the performance, which also applies to the row.",
        recipe="Name of the recipe.",
        recipe_digest="Digest of the parameters that determine the rows of this tier.",
    ),
    column("seed", pa.int64(), "Seed of the recipe."),
    column("draw", pa.int16(), "Number of this draw of the segment, from 0."),
    *text_columns(
        duplicate_of="sample_id of the segment's first undamaged draw, if this row repeats its "
        "audio and MIDI byte for byte (with scores of its own); null otherwise. Overlapping "
        "neighbouring segments are not marked; no overlap crosses a split.",
    ),
)

KEYS = (SAMPLE_ID, SEGMENT_ID, PERFORMANCE_ID, SPLIT, TIER, YEAR, *MUSIC)

READINGS = tuple(
    column(f"{function.name}_{ending}", arrow_type, f"{function.name}: {meaning}")
    for function in LABELING_FUNCTIONS
    for ending, arrow_type, meaning in (
        ("value", pa.float64(), f"measured value, in {function.unit}; null if it abstains."),
        (
            "score",
            pa.float64(),
            f"score for {function.dimension.replace('_', ' ')}, 0 to 100; null if it abstains.",
        ),
        ("abstention", pa.string(), "reason for abstaining; null if there is a score."),
    )
)
