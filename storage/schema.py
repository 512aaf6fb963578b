"""The columns of every table, as data. `storage.data_dictionary` writes the documentation."""

import pyarrow as pa
import pyarrow.compute as pc

from storage.columns import (
    EDITS,
    NOTES,
    PEDAL,
    PEDAL_EDITS,
    column,
    columns_of,
    number_columns,
    table_schema,
    text_columns,
)
from storage.shared_columns import (
    ABOUT_DAMAGE,
    ABOUT_ORIGIN,
    FAMILY,
    FILES,
    KEYS,
    MUSIC,
    PERFORMANCE_ID,
    READINGS,
    SAMPLE_ID,
    SCORES,
    SEGMENT_ID,
    SEVERITIES,
    SPLIT,
    TIER,
    WINDOW,
    YEAR,
)

MEDIA = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""A file inside a row, as Hugging Face `datasets` stores audio: its bytes and a file name."""

PERFORMANCES = table_schema(
    PERFORMANCE_ID,
    *MUSIC,
    SPLIT,
    YEAR,
    *number_columns(duration_s="Length of the recording in seconds, from the corpus's CSV file."),
    *FILES,
    *text_columns(midi_sha256="SHA-256 of the MIDI file."),
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
    SEGMENT_ID,
    PERFORMANCE_ID,
    *MUSIC,
    SPLIT,
    YEAR,
    *WINDOW,
    column("note_count", pa.int32(), "Number of notes with their onset in the segment."),
    *FILES,
)

QUARANTINE = table_schema(
    *text_columns(
        stage="Stage that left it out: index, performances, twins, segments or pairs.",
        item="The file, segment or sample that was left out.",
        reason="Why it was left out.",
    )
)

TWINS = table_schema(
    PERFORMANCE_ID,
    *text_columns(
        twin_id="The other performance; its split is held out more (train, validation, test).",
        composer="Composer of the first performance, from the corpus.",
        title="Title of the first performance, from the corpus.",
        split="Split of the first performance.",
        twin_composer="Composer of the other performance, from the corpus.",
        twin_title="Title of the other performance, from the corpus.",
        twin_split="Split of the other performance.",
    ),
    column("shared_passages", pa.int32(), "Passages (twelve successive notes) that both contain."),
    *number_columns(
        shared_share="Shared passages as a share of the shorter performance's passages.",
        kinship="Shared passages divided by the square root of the shorter performance's number of "
        "passages.",
    ),
    *columns_of(
        pa.bool_(),
        same_music="Whether they count as the same music; if false, the pair is a near miss.",
        left_out="Whether the first performance was left out, because of this pair or another.",
    ),
)

PAIRS_QUARANTINE = table_schema(*QUARANTINE, TIER, YEAR)

PAIRS = table_schema(
    *KEYS,
    *SCORES,
    *SEVERITIES,
    *FAMILY,
    *ABOUT_DAMAGE,
    *ABOUT_ORIGIN,
    column(
        "edits",
        EDITS,
        "Edits of single notes: the operation, the kind of change and the shift of each field. "
        "Shifts of a missed note, and of one cut off because time was inserted before it, are 0; "
        "those of an extra note are its values. note_id counts the "
        "notes of the segment from 0 (see the end of this page).",
    ),
    column("pedal_edits", PEDAL_EDITS, "The whole pedal after each operation that changed it."),
    *text_columns(
        sound_operations="JSON: the operations on the sound with their parameters, in order.",
        instrument="JSON: soundfont, bank, program, sample rate and gain.",
        soundfont_digest="First 16 hexadecimal digits of the soundfont's SHA-256.",
    ),
    *columns_of(
        MEDIA,
        midi="Damaged notes and pedal: a Standard MIDI File with ticks of 50 µs.",
        clean_midi="Clean notes and pedal: a Standard MIDI File with ticks of 50 µs.",
        audio="Audio of the damaged notes: FLAC, 16 bit, mono.",
    ),
)
"""The shards: one row a graded version of a segment, with all that `replay` needs."""

HEURISTICS = table_schema(SAMPLE_ID, TIER, YEAR, *READINGS)

SAMPLES = table_schema(
    *KEYS, *SCORES, *SEVERITIES, *FAMILY, *ABOUT_DAMAGE, *ABOUT_ORIGIN, *READINGS
)

DISTINCT = pc.field("duplicate_of").is_null()
"""Selects the rows of the shards or samples that do not repeat another row's audio and MIDI."""

_CLIP = (SAMPLE_ID, SPLIT, TIER, YEAR, *number_columns(duration_s="Length in seconds."))

AUDIO_FEATURES = table_schema(
    *_CLIP,
    column("features", pa.binary(), "float16, little-endian, of shape (frames, width)."),
    *columns_of(
        pa.int32(),
        frames="Number of frames.",
        width="Values of a frame: mel bands in dB, or hidden units of MERT.",
    ),
    column(
        "heard",
        pa.binary(),
        "Notes that the detector of `audio_pretrain` hears, as in `midi_tokens`; null without one.",
    ),
    column(
        "heard_measures",
        pa.list_(pa.float32()),
        "Plain measures of the heard notes, which last as long as they sound.",
    ),
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
