"""The data dictionary, written from the schemas.

`python -m storage.data_dictionary > docs/data-dictionary.md` writes it; a test compares the two.
"""

from storage.schema import TABLES
from storage.views import VIEWS

VIEWS_OF_SAMPLES = """\
## Views on the samples

`pianograde query` has these, too, for each recipe. Rows with `duplicate_of` are left out. The view
`dictionary` has this page: `from dictionary where column_name is null` says what the tables are,
`from dictionary where meaning like '%pedal%'` finds columns.
"""

EDITED_NOTES = """\
## Edits beside the notes of the piece

`edits.note_id` counts the notes of the segment, from 0, and `performances.notes` those of the
whole piece. As many as come before the segment lie between the two:

```sql
select sample_id, edit.operation, edit.change, notes[1 + notes_before + edit.note_id] as note
from (
    select sample_id, notes, unnest(edits) as edit,
        len(list_filter(notes, lambda struck: struck.onset_s < start_s)) as notes_before
    from pairs join performances using (performance_id)
)
where edit.change <> 'extra'
```
"""


def data_dictionary() -> str:
    """Return the data dictionary as Markdown: every table and view, column by column."""
    lines = [
        "# Data dictionary",
        "",
        "Written by `python -m storage.data_dictionary` from the Arrow schemas; don't edit it.",
    ]
    for name, (purpose, schema) in TABLES.items():
        lines += ["", f"## {name}", "", purpose, ""]
        lines += ["| column | type | meaning |", "| --- | --- | --- |"]
        for field in schema:
            meaning = field.metadata[b"description"].decode()
            arrow_type = str(field.type).replace("|", "\\|").replace("element: ", "")
            lines.append(f"| {field.name} | {arrow_type} | {meaning} |")
    lines += ["", VIEWS_OF_SAMPLES]
    for name, view in VIEWS.items():
        lines += [f"### {name}", "", view.purpose, "", "| column | meaning |", "| --- | --- |"]
        lines += [*(f"| {column} | {meaning} |" for column, meaning in view.columns.items()), ""]
    return "\n".join([*lines, EDITED_NOTES])


if __name__ == "__main__":
    print(data_dictionary(), end="")
