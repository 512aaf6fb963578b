"""What a run would make again, why, and what it would take. Nothing runs, nothing is written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import dagster as dg

from degradation.counted import counted
from degradation.errors import UserError
from degradation.recipe import TIERS, Recipe
from models.config.experiment import EXPERIMENTS
from models.training.hearing.result import NAME as HEARING
from models.training.hearing.result import SETTINGS_USED as HEARING_SETTINGS
from models.training.identity import unused_settings
from models.training.pretraining.result import NAME as PRETRAINING
from models.training.result import is_trained
from pipelines.assets.pretraining import pretrained_folder
from pipelines.assets.recipe import PARAMETERS, changes, flatten
from pipelines.corpora import corpus_names, find_corpus
from pipelines.execution.stages import stages
from pipelines.history import History
from pipelines.partitions import CORPORA, CORPUS_TIERS, RECIPE_TIERS, partition_key
from pipelines.settings import find_recipe
from pipelines.trained import read_record_in
from pipelines.verification import index_miscounts, performances_made
from pipelines.workspace import PARTITIONED_BY, Workspace
from storage.schema import TABLES
from storage.tables import Table, data_files, partition_of, table_exists

SHOWN_CHANGES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An asset of a corpus, or one tier of it, that is stale; None where nothing was measured."""

    asset: str
    tier: str
    reasons: tuple[str, ...]
    rows: int | None
    seconds: float | None
    size: float | None

    def cells(self) -> dict[str, str]:
        """Return what is shown of it."""
        return {
            "asset": self.asset,
            "tier": self.tier or "-",
            "rows": "-" if self.rows is None else f"{self.rows:,}",
            "minutes": UNKNOWN if self.seconds is None else f"{self.seconds / 60:.1f}",
            "GB": "-" if self.size is None else f"{self.size / 1e9:.3f}",
            "why": "; ".join(self.reasons),
        }


UNKNOWN = "unknown: never measured here"


def plan(
    workspace: Workspace,
    recipes: Sequence[str],
    instance: dg.DagsterInstance,
    specs: Mapping[str, dg.AssetSpec],
) -> list[Planned]:
    """Return what `pianograde run` of these recipes would have to make, in order."""
    history, experiments = History(instance), workspace.experiment_config().experiments
    assets = [
        "/".join(path)
        for name in recipes
        for stage in stages(name, experiments)
        for path in stage.assets
    ]
    in_order = sorted(dict.fromkeys(assets), key=lambda asset: asset == "recipe_comparison")
    found: dict[tuple[str, str], Planned] = {}
    growth = _growth(workspace)
    for asset in in_order:
        spec = specs[asset]
        for tier in TIERS if spec.partitions_def == CORPUS_TIERS else ("",):
            reasons = dict.fromkeys(_reasons(workspace, history, spec, tier, specs, found))
            if reasons:
                found[asset, tier] = _planned(
                    workspace, history, asset, tier, tuple(reasons), growth
                )
    return list(found.values())


def recipes_made(workspace: Workspace, names: Sequence[str]) -> list[str]:
    """Return the recipes that have pairs of a corpus."""
    return [name for name in names if table_exists(workspace.table(name, "pairs"))]


def total_line(planned: Sequence[Planned]) -> str:
    """Return what all of it takes, and how much of that is not known."""
    pairs = [one.rows for one in planned if one.asset.endswith("/pairs")]
    minutes = [None if one.seconds is None else one.seconds / 60 for one in planned]
    tables = [one for one in planned if one.tier or one.rows is not None]
    size = [None if one.size is None else one.size / 1e9 for one in tables]
    unknown = minutes.count(None)
    more = f"; {unknown} of {len(planned)} were never measured here" if unknown else ""
    return (
        f"total: {_total(pairs, ',.0f')} pairs, {_total(minutes, '.1f')} minutes, "
        f"{_total(size, '.3f')} GB{more}"
    )


def _total(figures: Sequence[float | None], form: str) -> str:
    """Return a sum, as far as it is known."""
    known = [one for one in figures if one is not None]
    if figures and not known:
        return "unknown"
    return f"{'' if len(known) == len(figures) else 'at least '}{sum(known):{form}}"


def _reasons(
    workspace: Workspace,
    history: History,
    spec: dg.AssetSpec,
    tier: str,
    specs: Mapping[str, dg.AssetSpec],
    planned: Mapping[tuple[str, str], Planned],
) -> Iterator[str]:
    """Yield why a partition is stale."""
    asset, corpus = spec.key.to_user_string(), workspace.corpus.name
    made = history.records(asset, partition_key(corpus, tier) if tier else corpus)
    if not made:
        yield "never made"
        return
    if made[0].code_version != spec.code_version:
        yield f"code version {made[0].code_version} → {spec.code_version}"
    yield from _model_reasons(workspace, spec.key.path)
    if spec.key.path[-1] == HEARING:
        return  # it hears pairs that have changed as well, and is kept
    if asset == "corpus":
        with suppress(UserError):  # without its root it cannot be made again
            if count := len(index_miscounts(workspace)):
                yield f"the corpus differs from its index in {counted(count, 'performance')}"
    follows, newer = dict[str, None](), dict[str, None]()
    for dep in (dep.asset_key for dep in spec.deps):
        upstream, name = dep.to_user_string(), dep.path[-1]
        definition = specs[upstream].partitions_def
        for one in ("",) if definition == CORPORA else (tier,) if tier else TIERS:
            key = partition_key(corpus, one) if one else corpus
            if definition == RECIPE_TIERS:
                yield from _recipe_changes(history, find_recipe(dep.path[0]), one, made[0].at)
            elif (upstream, one) in planned:
                follows[name] = None
            elif history.changed_at(upstream, key) > made[0].at:
                newer[name] = None
    if follows:
        yield f"follows {', '.join(follows)}"
    if newer:
        yield f"made before {', '.join(newer)} changed"


def _model_reasons(workspace: Workspace, path: Sequence[str]) -> Iterator[str]:
    """Yield why a model that was trained would be trained again: it is gone, or its settings."""
    recipe, name = path[0], path[-1]
    now = workspace.experiment_config()
    used: dict[str, Any]
    if name == PRETRAINING:
        try:
            pretrained_folder(workspace)
        except UserError as error:
            yield str(error).partition(";")[0]
        return
    if name == HEARING and now.hearing:
        folder, used = workspace.hearing_folder(recipe), {"include": HEARING_SETTINGS}
    elif experiment := next((one for one in EXPERIMENTS if one == name), None):
        folder = workspace.model_folder(recipe, experiment)
        used = {"exclude": unused_settings(experiment, now)}
    else:
        return
    if not is_trained(workspace.fetch(folder)):
        yield f"no finished model is in {folder}"
    elif record := read_record_in(folder):
        old, new = (flatten(one.model_dump(mode="json", **used)) for one in (record.config, now))
        if differing := changes(old, new):
            yield f"{workspace.corpus.experiment.name}: {_first(differing)}"


def _first(differing: Sequence[Mapping[str, str]]) -> str:
    """Return what differs between two states of parameters, or the first of it."""
    found = [f"{one['parameter']} {one['old']} → {one['new']}" for one in differing]
    more = f" and {len(found) - SHOWN_CHANGES} more" if len(found) > SHOWN_CHANGES else ""
    return f"{', '.join(found[:SHOWN_CHANGES])}{more}"


def _recipe_changes(history: History, recipe: Recipe, tier: str, made_at: int) -> Iterator[str]:
    """Yield how a tier's parameters differ from those that were recorded when it was made."""
    records = history.records(f"{recipe.name}/recipe", tier)
    then = next((record for record in records if record.at < made_at), None)
    if then is None or then.version == recipe.tier_digest(tier):
        return
    before = then.metadata.get(PARAMETERS)
    old = before.value if isinstance(before, dg.JsonMetadataValue) else {}
    assert isinstance(old, Mapping)
    yield f"recipe: {_first(changes(old, flatten(recipe.tier_parameters(tier))))}"


def _planned(
    workspace: Workspace,
    history: History,
    asset: str,
    tier: str,
    reasons: tuple[str, ...],
    growth: float,
) -> Planned:
    corpus = workspace.corpus.name
    held = _rows(workspace, asset, tier)
    rows = None if held is None else round(growth * held)
    a_row = history.seconds_a_row(asset, corpus)
    bytes_a_row = _bytes_a_row(workspace, asset)
    return Planned(
        asset=asset,
        tier=tier,
        reasons=reasons,
        rows=rows,
        seconds=None if a_row is None else a_row * (1 if rows is None else rows),
        size=None if rows is None or bytes_a_row is None else bytes_a_row * rows,
    )


def _growth(workspace: Workspace) -> float:
    """Return how many performances the next run will read, for each that the corpus has now."""
    if made := performances_made(workspace):
        with suppress(UserError):  # without its root it stays as it is
            times = index_miscounts(workspace).values()
            return 1 + (sum(n == 0 for n in times) - sum(n > 0 for n in times)) / made
    return 1.0


def _rows(workspace: Workspace, asset: str, tier: str) -> int | None:
    """Return how many rows an asset has; of a tier that was never made, how many to expect."""
    table = _table(workspace, asset)
    if table is None:
        return None
    if held := _held(table, tier):
        return held[0]
    segments = _held(workspace.corpus_table("segments"), "")
    if not tier or not segments:
        return None
    recipe = find_recipe(asset.split("/")[0])
    return round(segments[0] * recipe.draws * recipe.tier_shares[tier])


def _bytes_a_row(workspace: Workspace, asset: str) -> float | None:
    """Return the bytes of a row of the asset's table, of this corpus or else of another."""
    settings = workspace.settings
    others = (name for name in corpus_names(settings) if name != workspace.corpus.name)
    for place in (workspace, *(Workspace(settings, find_corpus(settings, n)) for n in others)):
        table = _table(place, asset)
        if table and (held := _held(table, "")):
            return held[1] / held[0]
    return None


def _table(workspace: Workspace, asset: str) -> Table | None:
    """Return the table that an asset writes, or None."""
    recipe, _, name = asset.rpartition("/")
    if recipe:
        return workspace.table(recipe, name) if name in TABLES else None
    name = "performances" if name == "corpus" else name
    return workspace.corpus_table(name) if name in PARTITIONED_BY else None


def _held(table: Table, tier: str) -> tuple[int, int] | None:
    """Return the rows and bytes of a table, or of a tier of it; None where there are no rows."""
    if not table_exists(table):
        return None
    files = [f for f in data_files(table) if not tier or partition_of(f.path)["tier"] == tier]
    rows = sum(file.rows for file in files)
    return (rows, sum(file.size for file in files)) if rows else None
