"""Arrow schemas with described columns; notes, pedal and edits as columns and back."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from degradation.edits import EDIT_DTYPE, Change, Edits
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, NoteArray, Performance


def _struct_type(dtype: np.dtype) -> pa.StructType:
    names = dtype.names or ()
    return pa.struct([(name, pa.from_numpy_dtype(dtype[name])) for name in names])


NOTES = pa.list_(_struct_type(NOTE_DTYPE))
PEDAL = pa.list_(_struct_type(PEDAL_DTYPE))
EDITS = pa.list_(
    pa.struct(
        [
            ("operation", pa.string()),
            ("change", pa.string()),
            *[
                (name, pa.from_numpy_dtype(EDIT_DTYPE[name]))
                for name in (EDIT_DTYPE.names or ())
                if name != "change"
            ],
        ]
    )
)
PEDAL_EDITS = pa.list_(pa.struct([("operation", pa.string()), ("pedal", PEDAL)]))


def column(name: str, arrow_type: pa.DataType, description: str) -> pa.Field:
    """Return a column with its meaning, which the data dictionary shows."""
    return pa.field(name, arrow_type, metadata={"description": description})


def columns_of(arrow_type: pa.DataType, **descriptions: str) -> tuple[pa.Field, ...]:
    """Return columns of one type by name, each with its meaning."""
    return tuple(column(name, arrow_type, text) for name, text in descriptions.items())


def text_columns(**descriptions: str) -> tuple[pa.Field, ...]:
    """Return columns of text by name, each with its meaning."""
    return columns_of(pa.string(), **descriptions)


def number_columns(**descriptions: str) -> tuple[pa.Field, ...]:
    """Return columns of numbers by name, each with its meaning."""
    return columns_of(pa.float64(), **descriptions)


def table_schema(*columns: pa.Field) -> pa.Schema:
    """Return a schema that Hugging Face `datasets` reads with audio as audio.

    Its rows hold the files as they are, for soundfile: `datasets` decodes with torchcodec alone,
    which needs FFmpeg's libraries.
    """
    features = {
        field.name: {"_type": "Audio", "decode": False}
        if field.name == "audio"
        else _feature_type(field.type)
        for field in columns
    }
    return pa.schema(
        columns, metadata={"huggingface": json.dumps({"info": {"features": features}})}
    )


def _feature_type(arrow_type: pa.DataType) -> dict[str, object]:
    if pa.types.is_struct(arrow_type):
        return {child.name: _feature_type(child.type) for child in arrow_type}
    if pa.types.is_list(arrow_type):
        return {"feature": _feature_type(arrow_type.value_type), "_type": "List"}
    names = {"double": "float64", "float": "float32", "halffloat": "float16"}
    return {"dtype": names.get(str(arrow_type), str(arrow_type)), "_type": "Value"}


def leaf_columns(field: pa.Field, path: str = "") -> list[str]:
    """Return the Parquet names of the leaves of a column, such as `edits.list.element.change`."""
    path = f"{path}.{field.name}" if path else field.name
    if pa.types.is_struct(field.type):
        return [leaf for child in field.type for leaf in leaf_columns(child, path)]
    if pa.types.is_list(field.type):
        return leaf_columns(field.type.value_field.with_name("element"), f"{path}.list")
    return [path]


def list_column(arrays: Sequence[NDArray[np.void]], arrow_type: pa.ListType) -> pa.ListArray:
    """Return structured arrays, one a row, as a column of lists of structs."""
    offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int32)
    fields = list(arrow_type.value_type)
    joined = (
        np.concatenate(arrays) if arrays else np.zeros(0, dtype=[(f.name, "f8") for f in fields])
    )
    children = [pa.array(np.ascontiguousarray(joined[f.name]), type=f.type) for f in fields]
    values = pa.StructArray.from_arrays(children, fields=fields)
    return pa.ListArray.from_arrays(offsets, values, type=arrow_type)


def structured_array(rows: pa.ListScalar, dtype: np.dtype) -> NDArray[np.void]:
    """Return one row of such a column as a structured array of `dtype`."""
    values = rows.values
    array = np.zeros(0 if values is None else len(values), dtype=dtype)
    for name in dtype.names or ():
        if len(array):
            array[name] = values.field(name).to_numpy(zero_copy_only=False)
    return array


def read_notes(rows: pa.ListScalar) -> NoteArray:
    """Return the notes of one row."""
    return structured_array(rows, NOTE_DTYPE)


def read_performance(notes: pa.ListScalar, pedal: pa.ListScalar) -> Performance:
    """Return the performance of one row of the performances table.

    It has the MIDI's own length: `duration_s` of the row is that of the audio, and may be shorter.
    """
    struck, moved = read_notes(notes), structured_array(pedal, PEDAL_DTYPE)
    duration_s = float(max(struck["offset_s"].max(), moved["time_s"].max(initial=0.0)))
    return Performance(notes=struck, pedal=moved, duration_s=duration_s)


def edit_rows(edits: dict[str, Edits]) -> list[dict[str, object]]:
    """Return the note edits of every operation, in order, as rows of `EDITS`."""
    names, changes = EDIT_DTYPE.names or (), [change.name.lower() for change in Change]
    rows: list[dict[str, object]] = [
        dict(zip(names, edit, strict=True), operation=operation, change=changes[edit[0]])
        for operation, made in edits.items()
        for edit in made.notes.tolist()
    ]
    return rows


def pedal_edit_rows(edits: dict[str, Edits]) -> list[dict[str, object]]:
    """Return the pedal as each operation that moved it left it, as rows of `PEDAL_EDITS`."""
    names = PEDAL_DTYPE.names or ()
    return [
        {
            "operation": operation,
            "pedal": [dict(zip(names, moved, strict=True)) for moved in made.pedal.tolist()],
        }
        for operation, made in edits.items()
        if made.pedal is not None
    ]


def read_edits(
    operations: Sequence[str],
    note_edits: Sequence[dict[str, Any]],
    pedal_edits: Sequence[dict[str, Any]],
) -> list[Edits]:
    """Return the stored edits of `operations`, in order."""
    names = EDIT_DTYPE.names or ()
    found = []
    for operation in operations:
        notes = [
            tuple((edit | {"change": Change[edit["change"].upper()]})[name] for name in names)
            for edit in note_edits
            if edit["operation"] == operation
        ]
        moved = next((e["pedal"] for e in pedal_edits if e["operation"] == operation), None)
        pedal = None if moved is None else [tuple(movement.values()) for movement in moved]
        found.append(
            Edits(
                notes=np.array(notes, dtype=EDIT_DTYPE),
                pedal=None if pedal is None else np.array(pedal, dtype=PEDAL_DTYPE),
            )
        )
    return found
