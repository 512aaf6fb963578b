"""The dataset card of an export: a README.md as the Hugging Face Hub reads and shows it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from storage.corpus import SPLITS
from storage.factored_columns import COUNTERFACTUAL_SPLITS
from storage.licence import IN_WORDS, UNKNOWN

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST = "1M<n<10M"
TEMPLATE = "dataset_card.md.j2"


def dataset_card(
    folder: Path, columns: pa.Schema, title: str, provenance: Mapping[str, str]
) -> str:
    """Return the card of the Parquet files below `folder/data`: Markdown with YAML before it.

    `columns` have descriptions; `provenance` is shown as it is, with what the rows add to it.
    """
    files = sorted((folder / "data").glob("*.parquet"))
    split_of = {file.name: file.name.rpartition("-of-")[0].rpartition("-")[0] for file in files}
    names = ["split", "tier", "duplicate_of", "licence", "recipe_digest", "severity_note_accuracy"]
    rows = pads.dataset(files).to_table(columns=names).to_pydict()
    held = Counter(split_of.values())
    splits = {split: held[split] for split in (*SPLITS, *COUNTERFACTUAL_SPLITS) if split in held}
    licences = sorted(set(rows["licence"]))
    count = len(rows["tier"])
    front_matter = {
        "license": licences[0].lower() if len(licences) == 1 else "other",
        "pretty_name": title,
        "task_categories": ["audio-classification"],
        "size_categories": [next((name for most, name in SIZES if count < most), LARGEST)],
        "tags": ["music", "piano", "midi", "performance-assessment"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": split, "path": f"data/{split}-*.parquet"} for split in splits
                ],
            }
        ],
    }
    digests = sorted(set(zip(rows["tier"], rows["recipe_digest"], strict=True)))
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined
    )
    return templates.get_template("dataset_card.md.j2").render(
        front_matter=yaml.safe_dump(front_matter, sort_keys=False, allow_unicode=True),
        title=title,
        splits=splits,
        counts=Counter(rows["split"]),
        tiers=Counter(rows["tier"]),
        duplicates=sum(other is not None for other in rows["duplicate_of"]),
        drawn=all(severity is None for severity in rows["severity_note_accuracy"]),
        licences={name: IN_WORDS.get(name, IN_WORDS[UNKNOWN]) for name in licences},
        provenance={**provenance, "recipe digests": ", ".join(" ".join(each) for each in digests)},
        columns=[
            (field.name, str(field.type), field.metadata[b"description"].decode())
            for field in columns
        ],
    )
