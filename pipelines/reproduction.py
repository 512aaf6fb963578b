"""Compares a model's record with what is there today, and trains the model again from it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import EXPERIMENTS, Experiment
from models.inference.model_choice import loading
from models.provenance import provenance
from models.training.identity import training_identity
from models.training.pretraining.result import NAME, pretraining_identity
from models.training.pretraining.source import CorpusTable
from models.training.record import ModelRecord
from models.training.result import find_best, is_trained
from pipelines.assets.pretraining import performances_version
from pipelines.assets.training import read_examples
from pipelines.corpora import find_corpus
from pipelines.settings import Settings, find_recipe
from pipelines.trained import read_record_in
from pipelines.workspace import Workspace
from storage.versions import version_fault

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An item of a record, as it was, and how it differs today with the way out ("": it is same).

    Where one is `missing` the model cannot be trained again.
    """

    item: str
    was: str
    fault: str = ""
    missing: bool = False

    def __str__(self) -> str:
        word = ("missing" if self.missing else "differs") if self.fault else "same"
        return f"{word:<8} {self.item}: {self.fault or self.was}"


def check(record: ModelRecord, folder: Path, settings: Settings) -> Iterator[Finding]:
    """Yield each item of the record of the model in `folder`.

    Raises UserError where its corpus was removed.
    """
    workspace = _workspace(record, settings)
    tables = list(_tables(record, workspace))
    yield from tables
    for tier, was in record.data.recipe_digests.items():
        yield _tier(record.data.recipe or "", tier, was)
    yield from _code(record)
    yield _weights(record, folder)
    if record.pretraining:
        yield from _encoder(record.pretraining, settings)
    if not any(finding.fault for finding in tables):
        yield _identity(record, workspace)


def train_again(record: ModelRecord, settings: Settings, log: Log) -> Path:
    """Train a model again in a folder of its own, going on where that was broken off; return it."""
    folder = settings.home / "reproductions" / f"{record.experiment}-{record.identity[:12]}"
    if is_trained(folder):  # an earlier reproduction
        shutil.rmtree(folder)
    workspace, data = _workspace(record, settings), record.data
    if record.experiment == NAME:
        return _pretrain(record, workspace, folder, log)
    start, needed = None, record.pretraining
    if needed:
        start = find_encoder(needed, settings) or _pretrain(
            needed, _workspace(needed, settings), folder / NAME, log
        )

    from models.training.train import train

    examples = read_examples(workspace, data.recipe or "", record.config, data.tables)
    train(
        _experiment(record),
        record.config,
        examples.parts,
        examples.samples,
        folder,
        pretrained_dir=start,
        data=data,
        log=log,
        on_epoch=lambda epoch: None,
    )
    return folder


def find_encoder(record: ModelRecord, settings: Settings) -> Path | None:
    """Return a folder with the encoder of a record, bit for bit; None where there is none."""
    workspace = _workspace(record, settings)
    for folder in workspace.fetch(workspace.outputs / "models").glob(f"*/{NAME}"):
        found = read_record_in(folder)
        if found and found.weights == record.weights:
            return folder
    return None


def _workspace(record: ModelRecord, settings: Settings) -> Workspace:
    return Workspace(settings, find_corpus(settings, record.data.corpus))


def _experiment(record: ModelRecord) -> Experiment:
    return next(name for name in EXPERIMENTS if name == record.experiment)


def _pretrain(record: ModelRecord, workspace: Workspace, folder: Path, log: Log) -> Path:
    from models.training.pretraining.train import pretrain

    table = workspace.corpus_table("performances")
    version = record.data.tables["performances"].version
    pretrain(
        record.config,
        CorpusTable(table=table, version=version),
        folder,
        data_version=performances_version(workspace, version),
        data=record.data,
        log=log,
        on_epoch=lambda epoch: None,
    )
    return folder


def _tables(record: ModelRecord, workspace: Workspace) -> Iterator[Finding]:
    recipe = record.data.recipe
    for name, wanted in record.data.tables.items():
        table = workspace.table(recipe, name) if recipe else workspace.corpus_table(name)
        fault = version_fault(table, wanted)
        yield Finding(
            item=f"table {name} at version {wanted.version}",
            was=f"{wanted.files} files of digest {wanted.digest}",
            fault=fault,
            missing=bool(fault),
        )


def _tier(recipe: str, tier: str, was: str) -> Finding:
    try:
        found = find_recipe(recipe).tier_digest(tier)
    except UserError as error:
        found = str(error)
    way_out = "nothing is lost: the table's rows are read, which that recipe made"
    return _compared(f"recipe {recipe}, tier {tier}", was, found, way_out)


def _code(record: ModelRecord) -> Iterator[Finding]:
    from models.device import describe_machine

    made, today = record.made, provenance()
    way_out = f"git checkout {made.commit}"
    if made.commit is None or made.commit.endswith("-dirty"):
        way_out = f"no commit holds that code (it was {made.commit or 'no checkout'})"
    yield _compared("source code", made.source, today.source, way_out)
    for name, version in made.versions.items():
        way_out = f"pip install {name}=={version}" if name != "python" else "install that Python"
        yield _compared(name, version, today.versions.get(name), way_out)
    machine = describe_machine(record.config.torch_threads)
    for name, was in record.machine.items():
        yield _compared(name, was, machine.get(name), "use such a machine: last bits may differ")


def _weights(record: ModelRecord, folder: Path) -> Finding:
    from models.training.weights import read_weights, weights_digest

    with loading(folder):
        found = weights_digest(read_weights(find_best(folder)))
    return _compared("weights", record.weights, found, "the file was changed after the training")


def _encoder(record: ModelRecord, settings: Settings) -> Iterator[Finding]:
    item, was = f"encoder of {NAME}", f"weights {record.weights}"
    if find_encoder(record, settings):
        yield Finding(item=item, was=was)
        return
    fault = f"expected {was}, got none such: it is pretrained again from its own record"
    yield Finding(item=item, was=was, fault=fault)
    yield from _tables(record, _workspace(record, settings))


def _identity(record: ModelRecord, workspace: Workspace) -> Finding:
    """Compare the digest of the settings and of all that is read, and of how it is learnt from."""
    item, data = "settings and rows", record.data
    if record.experiment == NAME:
        rows = performances_version(workspace, data.tables["performances"].version)
        found = pretraining_identity(record.config, rows)
    else:
        try:
            read = read_examples(workspace, data.recipe or "", record.config, data.tables)
        except UserError as error:
            return Finding(item=item, was=record.identity, fault=str(error), missing=True)
        start = record.pretraining.identity if record.pretraining else None
        found = training_identity(
            _experiment(record), record.config, read.parts, read.samples, start
        )
    return _compared(item, record.identity, found, "use the code and the record of that training")


def _compared(item: str, was: str, found: str | None, way_out: str) -> Finding:
    fault = f"expected {was}, got {found or 'none'}: {way_out}"
    return Finding(item=item, was=was, fault="" if found == was else fault)
