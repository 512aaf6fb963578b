"""Compares a model's record with what is there today, and trains the model again from it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

from degradation.errors import UserError
from models.config.experiment import EXPERIMENTS, MODALITIES, Experiment
from models.hearing.trained import TrainedDetector
from models.inference.model_choice import loading
from models.training.hearing.result import NAME as HEARING
from models.training.hearing.result import hearing_identity, load_hearing
from models.training.identity import training_identity
from models.training.pretraining.result import NAME, pretraining_identity
from models.training.pretraining.source import CorpusTable
from models.training.record import ModelRecord, TrainingData
from models.training.result import find_best, is_trained
from pipelines.assets.pretraining import performances_version
from pipelines.assets.training import LabelledExamples, read_versions
from pipelines.corpora import find_corpus
from pipelines.findings import Finding, compare, compare_code, compare_tier
from pipelines.settings import Settings
from pipelines.trained import read_record_in
from pipelines.workspace import Workspace
from storage.versions import version_fault

Log = Callable[[str], None]


class _Told(TypedDict):
    """What every training is given alike."""

    data: TrainingData
    log: Log
    on_epoch: Callable[[object], None]


def check(record: ModelRecord, folder: Path, settings: Settings) -> Iterator[Finding]:
    """Yield each item of the record of the model in `folder`.

    Raises UserError where its corpus was removed.
    """
    workspace = _workspace(record, settings)
    tables = list(_tables(record, workspace))
    yield from tables
    for tier, was in record.data.recipe_digests.items():
        way_out = "nothing is lost: the table's rows are read, which that recipe made"
        yield compare_tier(record.data.recipe or "", tier, was, way_out)
    yield from compare_code(record.made)
    yield from _machine(record)
    yield _weights(record, folder)
    for part in (record.pretraining, record.detector):
        if part:
            yield from _part(part, settings)
    if not any(finding.fault for finding in tables):
        yield _identity(record, workspace)


def train_again(record: ModelRecord, settings: Settings, log: Log) -> Path:
    """Train a model again in a folder of its own, going on where that was broken off; return it."""
    folder = settings.home / "reproductions" / f"{record.experiment}-{record.identity[:12]}"
    if is_trained(folder):  # an earlier reproduction
        shutil.rmtree(folder)
    return _train(record, settings, folder, log)


def _train(record: ModelRecord, settings: Settings, folder: Path, log: Log) -> Path:
    """Train from a record in `folder`; the encoder and detector that it names first, if gone."""
    workspace, tables = _workspace(record, settings), record.data.tables
    told: _Told = {"data": record.data, "log": log, "on_epoch": lambda epoch: None}
    if record.experiment == NAME:
        from models.training.pretraining.train import pretrain

        version = tables["performances"].version
        notes = CorpusTable(table=workspace.corpus_table("performances"), version=version)
        rows = performances_version(workspace, version)
        pretrain(record.config, notes, folder, data_version=rows, **told)
    elif record.experiment == HEARING:
        from models.training.hearing.clips import ClipTable
        from models.training.hearing.train import pretrain_hearing

        pairs = workspace.table(record.data.recipe or "", "pairs")
        clips = ClipTable(table=pairs, version=tables["pairs"].version)
        pretrain_hearing(record.config, clips, folder, **told)
    else:
        from models.training.train import train

        def made(part: ModelRecord) -> Path:
            within = folder / part.experiment
            return find_part(part, settings) or _train(part, settings, within, log)

        start = made(record.pretraining) if record.pretraining else None
        detector = load_hearing(made(record.detector)).trained if record.detector else None
        read = _examples(record, workspace, detector)
        experiment = _experiment(record)
        train(
            experiment,
            record.config,
            read.parts,
            read.samples,
            folder,
            pretrained_dir=start,
            **told,
        )
    return folder


def _examples(
    record: ModelRecord, workspace: Workspace, detector: TrainedDetector | None
) -> LabelledExamples:
    modalities = MODALITIES[_experiment(record)]
    recipe, tables = record.data.recipe or "", record.data.tables
    return read_versions(workspace, recipe, record.config, tables, detector, modalities)


def find_part(record: ModelRecord, settings: Settings) -> Path | None:
    """Return a folder with the encoder or detector of a record, bit for bit; None without one."""
    workspace = _workspace(record, settings)
    made = record.data.recipe
    outputs = workspace.output(made, "models") if made else workspace.outputs / "models"
    for folder in workspace.fetch(outputs).glob(f"*/{record.experiment}"):
        found = read_record_in(folder)
        if found and found.weights == record.weights:
            return folder
    return None


def _workspace(record: ModelRecord, settings: Settings) -> Workspace:
    return Workspace(settings, find_corpus(settings, record.data.corpus))


def _experiment(record: ModelRecord) -> Experiment:
    return next(name for name in EXPERIMENTS if name == record.experiment)


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


def _machine(record: ModelRecord) -> Iterator[Finding]:
    from models.device import describe_machine

    machine = describe_machine(record.config.torch_threads)
    for name, was in record.machine.items():
        yield compare(name, was, machine.get(name), "use such a machine: last bits may differ")


def _weights(record: ModelRecord, folder: Path) -> Finding:
    from models.training.weights import read_weights, weights_digest

    with loading(folder):
        found = weights_digest(read_weights(find_best(folder)))
    return compare("weights", record.weights, found, "the file was changed after the training")


def _part(record: ModelRecord, settings: Settings) -> Iterator[Finding]:
    item, was = f"weights of {record.experiment}", f"weights {record.weights}"
    if find_part(record, settings):
        yield Finding(item=item, was=was)
        return
    fault = f"expected {was}, got none such: it is pretrained again from its own record"
    yield Finding(item=item, was=was, fault=fault)
    yield from _tables(record, _workspace(record, settings))


def _named(detector: ModelRecord | None) -> TrainedDetector | None:
    """Return the detector of a record by name, to find what it heard; its weights may be gone."""
    if detector is None or detector.config.hearing is None:
        return None
    sizes = detector.config.hearing.detector
    return TrainedDetector(checkpoint=Path(), weights=detector.weights, config=sizes)


def _identity(record: ModelRecord, workspace: Workspace) -> Finding:
    """Compare the digest of the settings and of all that is read, and of how it is learnt from."""
    item, data = "settings and rows", record.data
    if record.experiment == NAME:
        rows = performances_version(workspace, data.tables["performances"].version)
        found = pretraining_identity(record.config, rows)
    elif record.experiment == HEARING:
        found = hearing_identity(record.config)
    else:
        try:
            read = _examples(record, workspace, _named(record.detector))
        except UserError as error:
            return Finding(item=item, was=record.identity, fault=str(error), missing=True)
        start = record.pretraining.identity if record.pretraining else None
        found = training_identity(
            _experiment(record), record.config, read.parts, read.samples, start
        )
    return compare(item, record.identity, found, "use the code and the record of that training")
