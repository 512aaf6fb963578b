"""How good the labeling functions are, over all samples of a recipe."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow.compute as pc

from degradation.recipe import TIERS
from labeling.combination import compare_with_mean, fit_combination
from labeling.functions import LABELING_FUNCTIONS
from labeling.quality import assess_labels
from labeling.scores import DIMENSIONS
from pipelines.assets.accounted import accounted
from pipelines.automation import REMATERIALIZE_ON_CHANGE
from pipelines.evenly_spaced import evenly_spaced
from pipelines.metadata import records_metadata
from pipelines.partitions import CORPORA, tables_of
from pipelines.resources import Project
from pipelines.settings import find_recipe
from storage.derived import long_readings
from storage.schema import DISTINCT
from storage.tables import Table, read_table

MOST_SEGMENTS = 5000
"""Nine readings of each of their samples have to fit in memory."""


def label_quality_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of label quality."""

    @dg.asset(
        key=[recipe_name, "label_quality"],
        deps=tables_of(recipe_name, "samples"),
        partitions_def=CORPORA,
        group_name=recipe_name,
        kinds={"pandas"},
        owners=["team:research"],
        automation_condition=REMATERIALIZE_ON_CHANGE,
        code_version="1",
        description=(
            "The nine labeling functions judged: how often they answer, how their scores spread, "
            "agree and conflict, and how each follows the damage that was done."
        ),
    )
    @accounted
    def label_quality(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        workspace = project.workspace(context.partition_key)
        samples = some_segments(workspace.table(recipe_name, "samples"))
        seed = find_recipe(recipe_name).seed
        tables = assess_labels(long_readings(samples), damage_done(samples), seed=seed)
        tables |= combination_tables(samples, seed=seed)
        with workspace.write(workspace.output(recipe_name, "label_quality")) as folder:
            for name, table in tables.items():
                table.to_csv(folder / f"{name}.csv", index=False)
        return dg.MaterializeResult(
            metadata={
                "samples": len(samples),
                "tables": dg.MetadataValue.path(folder),
                **{
                    name.replace("_", " "): records_metadata(rows(table))
                    for name, table in tables.items()
                },
            }
        )

    return label_quality


def some_segments(table: Table) -> pd.DataFrame:
    """Return all samples of up to `MOST_SEGMENTS` segments, evenly over the corpus.

    Duplicates are left out, and counterfactual families, which would weigh some segments tenfold.
    """
    names = read_table(table).to_table(columns=["segment_id"])["segment_id"].unique().sort()
    some = names.take(list(evenly_spaced(len(names), MOST_SEGMENTS)))
    chosen = pc.field("segment_id").isin(some) & pc.field("family").is_null() & DISTINCT
    samples: pd.DataFrame = read_table(table).to_table(filter=chosen).to_pandas()
    return samples


def damage_done(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the measured damage of each sample as numbers that grow with the damage.

    `noise_to_sound` is the amplitude of the noise over that of the sound. A factored recipe's
    severities are measures too.
    """
    snr_db = samples["realised_snr_db"].astype(float)
    severities = samples[[f"severity_{name}" for name in DIMENSIONS]].dropna(axis=1, how="all")
    measured = pd.DataFrame(
        {
            "sample_id": samples["sample_id"],
            "tier_rank": samples["tier"].map(TIERS.index),
            "jitter_ms": samples["jitter_ms"],
            "wrong_note_share": samples["wrong_note_share"],
            "velocity_spread_lost": 1 - samples["velocity_spread_ratio"],
            "noise_to_sound": (10 ** (-snr_db / 20)).fillna(0.0),
        }
    )
    return pd.concat([measured, severities], axis=1)


def combination_tables(samples: pd.DataFrame, *, seed: int) -> dict[str, pd.DataFrame]:
    """Return a combined score compared with the plain mean, and its weights, by name.

    Weights are learnt from the tiers of the training split and judged on the others. Nothing
    where either has one tier alone.
    """
    scores = pd.DataFrame(
        {f.name: samples[f"{f.name}_score"].astype(float) for f in LABELING_FUNCTIONS}
    )
    quality = -samples["tier"].map(TIERS.index).to_numpy(dtype=np.float64)
    learns = (samples["split"] == "train").to_numpy()
    held_out = samples["split"].isin(["validation", "test"]).to_numpy()
    if any(len(np.unique(quality[part])) < 2 for part in (learns, held_out)):
        return {}
    combination = fit_combination(scores[learns], quality[learns])
    found = compare_with_mean(
        combination,
        scores[held_out],
        quality[held_out],
        samples["composition"][held_out],
        seed=seed,
    )
    compared = [
        {"score": name, "rho": one.r, "low": one.low, "high": one.high, "n": one.n}
        for name, one in (("combined", found.combined), ("plain mean", found.plain_mean))
    ]
    gain = {"score": "gain", "rho": found.gain, "low": found.gain_low, "high": found.gain_high}
    return {
        "combination": pd.DataFrame([*compared, {**gain, "n": found.combined.n}]),
        "combination_weights": pd.DataFrame(
            {"function": combination.functions, "weight": combination.weights}
        ),
    }


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows with text for names."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
