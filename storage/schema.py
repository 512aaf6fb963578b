"""The columns of every table, as data. `storage.data_dictionary` writes the documentation."""

import pyarrow as pa
import pyarrow.compute as pc

from labeling.functions import LABELING_FUNCTIONS
from labeling.scores import DIMENSIONS
from storage.columns import EDITS, NOTES, PEDAL, PEDAL_EDITS, column, table_schema

MEDIA = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""A file inside a row, as Hugging Face `datasets` stores audio: its bytes and a file name."""

STRENGTHS = pa.list_(
    pa.struct([("operation", pa.string()), ("strength", pa.float64()), ("unit", pa.string())])
)


def _columns(arrow_type: pa.DataType, **descriptions: str) -> tuple[pa.Field, ...]:
    return tuple(column(name, arrow_type, text) for name, text in descriptions.items())


def _texts(**descriptions: str) -> tuple[pa.Field, ...]:
    return _columns(pa.string(), **descriptions)


def _numbers(**descriptions: str) -> tuple[pa.Field, ...]:
    return _columns(pa.float64(), **descriptions)


(_SAMPLE_ID,) = _texts(sample_id="Unique name of the row: segment, recipe and draw.")
(_SEGMENT_ID,) = _texts(segment_id="Name of the segment: performance and start in seconds.")
(_PERFORMANCE_ID,) = _texts(
    performance_id="Name of the performance: year, composer, title and a digest of the file name."
)
(_TIER,) = _texts(tier="pristine, good, moderate or poor. Partition column.")
_YEAR = column("year", pa.int16(), "Year of the recording, from the corpus. Partition column.")
(_SPLIT,) = _texts(
    split="train, validation or test, from the corpus. Rows of counterfactual families have "
    "validation_counterfactual or test_counterfactual instead."
)
_MUSIC = _texts(
    composer="Composer, from the corpus.",
    title="Title, from the corpus.",
    composition="Composer and title in lower case without punctuation; each is in one split only.",
)
_FILES = _texts(
    midi_filename="Path of the MIDI file, relative to the corpus root.",
    audio_filename="Path of the audio file, relative to the corpus root; empty without audio.",
)
_WINDOW = _numbers(
    start_s="Start of the segment in the performance, in seconds.",
    duration_s="Length of the segment in seconds.",
)

PERFORMANCES = table_schema(
    _PERFORMANCE_ID,
    *_MUSIC,
    _SPLIT,
    _YEAR,
    *_numbers(duration_s="Length of the recording in seconds, from the corpus's CSV file."),
    *_FILES,
    *_texts(midi_sha256="SHA-256 of the MIDI file."),
    column(
        "left_out",
        pa.list_(pa.string()),
        "Remarks on what was not read of the MIDI file, such as other instruments; mostly empty.",
    ),
    column("notes", NOTES, "All notes, sorted by onset; times in seconds, multiples of 50 µs."),
    column(
        "pedal", PEDAL, "Control changes CC64 (sustain), CC66 (sostenuto) and CC67 (soft), by time."
    ),
)

SEGMENTS = table_schema(
    _SEGMENT_ID,
    _PERFORMANCE_ID,
    *_MUSIC,
    _SPLIT,
    _YEAR,
    *_WINDOW,
    column("note_count", pa.int32(), "Number of notes with their onset in the segment."),
    *_FILES,
)

QUARANTINE = table_schema(
    *_texts(
        stage="Stage that left it out: index, performances, twins, segments or pairs.",
        item="The file, segment or sample that was left out.",
        reason="Why it was left out.",
    )
)

TWINS = table_schema(
    _PERFORMANCE_ID,
    *_texts(
        twin_id="The other performance; its split is held out more (train, validation, test).",
        composer="Composer of the first performance, from the corpus.",
        title="Title of the first performance, from the corpus.",
        split="Split of the first performance.",
        twin_composer="Composer of the other performance, from the corpus.",
        twin_title="Title of the other performance, from the corpus.",
        twin_split="Split of the other performance.",
    ),
    column("shared_passages", pa.int32(), "Passages (twelve successive notes) that both contain."),
    *_numbers(
        shared_share="Shared passages as a share of the shorter performance's passages.",
        kinship="Shared passages divided by the square root of the shorter performance's number of "
        "passages.",
    ),
    *_columns(
        pa.bool_(),
        same_music="Whether they count as the same music; if false, the pair is a near miss.",
        left_out="Whether the first performance was left out, because of this pair or another.",
    ),
)

PAIRS_QUARANTINE = table_schema(*QUARANTINE, _TIER, _YEAR)

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

_FAMILY = (
    *_texts(
        family="Name of the counterfactual family: rows of one segment that differ in one thing "
        "only; null for ordinary draws.",
        varied="What differs: a factor, `nothing` (undamaged base row) or `nuisance` (undamaged, "
        "with another recording); null for ordinary draws.",
    ),
    *_numbers(
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

_ABOUT_DAMAGE = (
    column("strengths", STRENGTHS, "Operations requested by the recipe: name, strength and unit."),
    *_numbers(
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

_ABOUT_ORIGIN = (
    *_texts(
        audio_source="rendered: the audio is synthesised from the damaged notes. recorded: the "
        "audio is the corpus's recording, changed by sound operations only.",
    ),
    *_WINDOW,
    column("note_count", pa.int32(), "Number of notes of the clean segment."),
    *_FILES,
    *_texts(
        corpus="Name of the corpus.",
        licence="Licence of the performance, which also applies to the row.",
        recipe="Name of the recipe.",
        recipe_digest="Digest of the parameters that determine the rows of this tier.",
    ),
    column("seed", pa.int64(), "Seed of the recipe."),
    column("draw", pa.int16(), "Number of this draw of the segment, from 0."),
    *_texts(
        duplicate_of="sample_id of the segment's first undamaged draw, if this row repeats its "
        "audio and MIDI byte for byte (with scores of its own); null otherwise. Overlapping "
        "neighbouring segments are not marked; no overlap crosses a split.",
    ),
)

_KEYS = (_SAMPLE_ID, _SEGMENT_ID, _PERFORMANCE_ID, _SPLIT, _TIER, _YEAR, *_MUSIC)

PAIRS = table_schema(
    *_KEYS,
    *SCORES,
    *SEVERITIES,
    *_FAMILY,
    *_ABOUT_DAMAGE,
    *_ABOUT_ORIGIN,
    column(
        "edits",
        EDITS,
        "Edits of single notes: the operation, the kind of change and the shift of each field. "
        "Shifts of a missed note, and of one cut off because time was inserted before it, are 0; "
        "those of an extra note are its values. note_id counts the "
        "notes of the segment from 0 (see the end of this page).",
    ),
    column("pedal_edits", PEDAL_EDITS, "The whole pedal after each operation that changed it."),
    *_texts(
        sound_operations="JSON: the operations on the sound with their parameters, in order.",
        instrument="JSON: soundfont, bank, program, sample rate and gain.",
        soundfont_digest="First 16 hexadecimal digits of the soundfont's SHA-256.",
    ),
    *_columns(
        MEDIA,
        midi="Damaged notes and pedal: a Standard MIDI File with ticks of 50 µs.",
        clean_midi="Clean notes and pedal: a Standard MIDI File with ticks of 50 µs.",
        audio="Audio of the damaged notes: FLAC, 16 bit, mono.",
    ),
)
"""The shards: one row a graded version of a segment, with all that `replay` needs."""

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

HEURISTICS = table_schema(_SAMPLE_ID, _TIER, _YEAR, *READINGS)

SAMPLES = table_schema(
    *_KEYS, *SCORES, *SEVERITIES, *_FAMILY, *_ABOUT_DAMAGE, *_ABOUT_ORIGIN, *READINGS
)

DISTINCT = pc.field("duplicate_of").is_null()
"""Selects the rows of the shards or samples that do not repeat another row's audio and MIDI."""

_CLIP = (_SAMPLE_ID, _SPLIT, _TIER, _YEAR, *_numbers(duration_s="Length in seconds."))

AUDIO_FEATURES = table_schema(
    *_CLIP,
    column("features", pa.binary(), "float16, little-endian, of shape (frames, width)."),
    *_columns(
        pa.int32(),
        frames="Number of frames.",
        width="Values of a frame: mel bands in dB, or hidden units of MERT.",
    ),
    column(
        "heard",
        pa.binary(),
        "Notes that the detector of `audio_pretrain` hears, as in `midi_tokens`; null without one.",
    ),
    column("heard_measures", pa.list_(pa.float32()), "Plain measures of the notes that are heard."),
)

MIDI_TOKENS = table_schema(
    *_CLIP,
    column("tokens", pa.binary(), "One record a note, by onset (fields: models/tokens/)."),
    column("notes", pa.int32(), "Number of notes."),
    column(
        "measures",
        pa.list_(pa.float32()),
        "Plain measures of the playing (names: `labeling.measures.PLAIN`); NaN where undefined.",
    ),
)

TABLES = {
    "samples": ("One light row for each graded version of a segment, for queries.", SAMPLES),
    "pairs": ("The shards: the same rows with audio, MIDI and provenance.", PAIRS),
    "heuristics": ("Readings of the nine labeling functions for each row.", HEURISTICS),
    "segments": ("Windows of the performances, which are damaged and graded.", SEGMENTS),
    "performances": ("The usable performances of the corpus, with their notes.", PERFORMANCES),
    "quarantine": ("What was left out of the corpus, with reasons.", QUARANTINE),
    "twins": ("Performances in different splits with the same or similar music.", TWINS),
    "pairs_quarantine": ("Draws that were left out of the pairs, with reasons.", PAIRS_QUARANTINE),
    "audio_features": (
        "Input of the audio encoder: log-mel spectrograms or hidden states of MERT.",
        AUDIO_FEATURES,
    ),
    "midi_tokens": ("Input of the MIDI encoder: note tokens.", MIDI_TOKENS),
}
