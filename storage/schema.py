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


def _texts(**meanings: str) -> tuple[pa.Field, ...]:
    return tuple(column(name, pa.string(), meaning) for name, meaning in meanings.items())


def _numbers(**meanings: str) -> tuple[pa.Field, ...]:
    return tuple(column(name, pa.float64(), meaning) for name, meaning in meanings.items())


_SAMPLE_ID = column("sample_id", pa.string(), "The row's name: segment, recipe and draw. Unique.")
_SEGMENT_ID = column("segment_id", pa.string(), "The window of music: performance and start.")
(_PERFORMANCE_ID,) = _texts(
    performance_id="The performance: year, composer, title, digest of the file name."
)
_TIER = column("tier", pa.string(), "pristine, good, moderate or poor. Partition column.")
_YEAR = column("year", pa.int16(), "Year of the recording, as in the corpus. Partition column.")
(_SPLIT,) = _texts(
    split="train, validation or test: the corpus's own. Of a recipe's rows, those of "
    "counterfactual families have validation_counterfactual and test_counterfactual instead."
)
_MUSIC = _texts(
    composer="Composer, as in the corpus.",
    title="Title, as in the corpus.",
    composition="Composer and title without case and punctuation; no composition is in two splits.",
)
_FILES = _texts(
    midi_filename="MIDI file, relative to the corpus root.",
    audio_filename="Audio file, relative to the root; empty without audio.",
)

PERFORMANCES = table_schema(
    _PERFORMANCE_ID,
    *_MUSIC,
    _SPLIT,
    _YEAR,
    column("duration_s", pa.float64(), "Length in seconds: the CSV's, which is that of the audio."),
    *_FILES,
    column("midi_sha256", pa.string(), "SHA-256 of the MIDI file."),
    column(
        "left_out",
        pa.list_(pa.string()),
        "What of the MIDI file is no piano, or was not read, in words; empty where all was.",
    ),
    column("notes", NOTES, "Every note; times in seconds on a 50 µs grid, ids by onset."),
    column("pedal", PEDAL, "Movements of CC64 (sustain), CC66 (sostenuto) and CC67 (soft)."),
)

SEGMENTS = table_schema(
    _SEGMENT_ID,
    _PERFORMANCE_ID,
    *_MUSIC,
    _SPLIT,
    _YEAR,
    column("start_s", pa.float64(), "Where the window begins, in seconds from the start."),
    column("duration_s", pa.float64(), "Length of the window in seconds."),
    column("note_count", pa.int32(), "Notes that are struck in the window."),
    *_FILES,
)

QUARANTINE = table_schema(
    *_texts(
        stage="Where it was left out: index, performances, twins, segments, pairs.",
        item="The file, segment or sample that was left out.",
        reason="Why, in words.",
    )
)

TWINS = table_schema(
    _PERFORMANCE_ID,
    column("twin_id", pa.string(), "The performance whose split is held out more."),
    *(
        column(name, pa.string(), f"{name.replace('_', ' ').capitalize()}, as in the corpus.")
        for name in ("composer", "title", "split", "twin_composer", "twin_title", "twin_split")
    ),
    column("shared_passages", pa.int32(), "Passages (twelve successive notes) that both have."),
    *_numbers(
        shared_share="Their share of the passages of the shorter one.",
        kinship="Shared passages over the square root of the shorter one's number "
        "(storage/twins.py).",
    ),
    column("same_music", pa.bool_(), "Whether they are the same music; else it is a near miss."),
    column("left_out", pa.bool_(), "Whether the performance was left out, for this or another."),
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
        f"Severity for {name.replace('_', ' ')} in just-noticeable differences, from which the "
        "score follows; null in tiered recipes.",
    )
    for name in DIMENSIONS
)

_FAMILY = (
    *_texts(
        family="Counterfactual family: the same music with one thing varied; null for ordinary "
        "draws.",
        varied="What a family's row varies: a factor, `nothing` (the undamaged base) or `nuisance` "
        "(an undamaged twin, recorded otherwise); null for ordinary draws.",
    ),
    *_numbers(
        varied_severity_jnd="Severity at which the varied factor was asked for; 0 in base and "
        "twins, null for ordinary draws.",
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
    column("strengths", STRENGTHS, "What the recipe asked for: operation, strength and its unit."),
    *_numbers(
        jitter_ms="Measured: root mean square of the onset shifts in ms; null where no note was "
        "kept.",
        wrong_note_share="Measured: share of notes with another pitch.",
        missed_note_share="Measured: share of the clean notes that are gone.",
        extra_note_share="Measured: notes added, as a share of the clean ones.",
        velocity_spread_ratio="Measured: standard deviation of velocities, damaged over clean; "
        "null where the clean ones are all alike.",
    ),
    *(
        column(name, pa.float64(), f"Measured: {meaning}; null where there is nothing to measure.")
        for name, meaning in {
            "local_jitter_ms": "how far chords strayed from the shift around them, RMS in ms",
            "chord_jitter_ms": "how far the notes of a chord were moved apart, in ms",
            "tempo_change_share": "spread of the local tempo (log), damaged over clean",
            "articulation_spread_octaves": "spread of key-down times (log2), damaged over clean",
            "velocity_roughness": "spread of velocities that nothing musical explains, in MIDI",
            "voicing_loss_velocity": "how far melodies sank against their accompaniment, in MIDI",
            "loudness_shape_kept": "slow course of velocity, damaged on clean: 1 as it was, 0 flat",
            "tempo_shape_kept": "slow course of the pulse, damaged on clean: 1 as it was, 0 flat",
            "pedal_lag_s": "median lateness of the sustain pedal beyond the notes', in seconds",
            "lost_lift_share": "share of the pedal changes that no longer damp",
        }.items()
    ),
    *_numbers(
        realised_snr_db="Measured on the signal: sound to added noise in dB; null without noise.",
        level_dbfs="Measured: RMS level of the audio in dB relative to full scale.",
        gain_db="How far the sound was turned down so as not to clip; mostly 0.",
    ),
    column(
        "recording_quality",
        RECORDING_QUALITY,
        "What the recording is like, whatever the playing: instrument (soundfont bank:program), "
        "room and its measured reverberation time (null: none), colour and SNR of the noise "
        "(null: none), gain, pass band, equaliser. Null in tiered recipes.",
    ),
)

_ABOUT_ORIGIN = (
    *_texts(
        audio_source="rendered: the damaged notes are heard. recorded: the corpus's recording, "
        "which only operations on sound reached.",
    ),
    *_numbers(
        start_s="Where the segment begins in the performance, in seconds.",
        duration_s="Length of the segment in seconds.",
    ),
    column("note_count", pa.int32(), "Notes of the clean segment."),
    *_texts(
        midi_filename="Source: MIDI file, relative to the corpus root.",
        audio_filename="Source: audio file, relative to the root, or empty.",
        corpus="Name of the corpus.",
        licence="Licence of the performance, which the row inherits.",
        recipe="Name of the recipe.",
        recipe_digest="Digest of the parameters that made this tier's rows.",
    ),
    column("seed", pa.int64(), "The recipe's seed."),
    column("draw", pa.int16(), "Number of this graded version of the segment."),
    *_texts(
        duplicate_of="sample_id of the segment's first draw with the same audio and MIDI, byte for "
        "byte: a tier that does nothing gives every draw the same sound, with scores of its own. "
        "Null for that first one and where something was drawn. Neighbouring segments overlap, "
        "too, and are not marked; splits are by piece, so no overlap crosses one.",
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
        "Provenance, note by note: which operation moved which note by how "
        "much. A missed note has zeros; an extra one moves from zero. Ids count the notes of the "
        "segment, from 0; in performances, those of the piece: see the end of this page.",
    ),
    column("pedal_edits", PEDAL_EDITS, "The pedal as each operation that moved it left it."),
    *_texts(
        sound_operations="JSON: the operations on sound with parameters, in order.",
        instrument="JSON: soundfont, preset, sample rate and gain.",
        soundfont_digest="First 16 digits of the soundfont's SHA-256.",
    ),
    column("midi", MEDIA, "The damaged playing: a Standard MIDI File, 50 µs ticks."),
    column("clean_midi", MEDIA, "The playing before: a Standard MIDI File, 50 µs ticks."),
    column("audio", MEDIA, "What the damaged playing sounds like: FLAC, 16 bit, mono."),
)
"""The shards: one row a graded version of a segment, with all that `replay` needs."""

READINGS = tuple(
    column(f"{function.name}_{ending}", arrow_type, f"{function.name}: {meaning}")
    for function in LABELING_FUNCTIONS
    for ending, arrow_type, meaning in (
        ("value", pa.float64(), f"measured, in {function.unit}; null where it abstains."),
        (
            "score",
            pa.float64(),
            f"its score from 0 to 100 for {function.dimension.replace('_', ' ')}; null where it "
            "abstains.",
        ),
        ("abstention", pa.string(), "why it abstains; null where it does not."),
    )
)

HEURISTICS = table_schema(_SAMPLE_ID, _TIER, _YEAR, *READINGS)
"""What the nine labeling functions say of each row of the shards."""

SAMPLES = table_schema(
    *_KEYS, *SCORES, *SEVERITIES, *_FAMILY, *_ABOUT_DAMAGE, *_ABOUT_ORIGIN, *READINGS
)
"""The light table: the shards' and the heuristics' columns side by side, without the binaries."""

DISTINCT = pc.field("duplicate_of").is_null()
"""Chooses, of the shards or the samples, the rows that do not repeat another's sound and notes."""

_CLIP = (
    _SAMPLE_ID, _SPLIT, _TIER, _YEAR, *_numbers(duration_s="Length of the clip in seconds."),
)  # fmt: skip

AUDIO_FEATURES = table_schema(
    *_CLIP,
    column("features", pa.binary(), "Audio features: float16, little-endian, frames × width."),
    column("frames", pa.int32(), "Number of frames."),
    column("width", pa.int32(), "Values a frame: mel bands in dB, or MERT's hidden states."),
)

MIDI_TOKENS = table_schema(
    *_CLIP,
    column("tokens", pa.binary(), "One record a note, by onset (fields: models/tokens/)."),
    column("notes", pa.int32(), "Number of notes."),
)

TABLES = {
    "samples": ("What analysts query: one light row a graded version of a segment.", SAMPLES),
    "pairs": ("The shards: the same rows with audio, MIDI and provenance inside.", PAIRS),
    "heuristics": ("What the nine labeling functions say of each row.", HEURISTICS),
    "segments": ("The windows of music that are graded.", SEGMENTS),
    "performances": (
        "The corpus: every performance that can be used, with its notes.",
        PERFORMANCES,
    ),
    "quarantine": ("What was left out of the corpus, and why.", QUARANTINE),
    "twins": ("Performances in different splits that are the same music, or nearly.", TWINS),
    "pairs_quarantine": ("What was left out while pairs were made, and why.", PAIRS_QUARANTINE),
    "audio_features": (
        "What the audio encoder reads: log-mel spectrograms, or hidden states of MERT.",
        AUDIO_FEATURES,
    ),
    "midi_tokens": ("Note tokens, the input of the MIDI encoder.", MIDI_TOKENS),
}
