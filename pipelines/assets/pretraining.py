"""Masked pretraining of the MIDI encoder on the corpus's clean performances, for every recipe."""

from pathlib import Path
from typing import Any

import dagster as dg

from degradation.errors import UserError
from models.training.pretraining.result import (
    PRETRAINING_VERSION,
    PretrainingEpoch,
    PretrainingResult,
    load_pretraining,
    pretraining_identity,
)
from models.training.pretraining.source import CorpusTable
from models.training.record import TrainingData
from models.training.result import is_trained
from pipelines.assets.accounted import accounted
from pipelines.assets.corpus import parts_digest
from pipelines.corpora import corpus_names, find_corpus
from pipelines.metadata import curves_metadata, defined, epochs_metadata, records_metadata
from pipelines.partitions import CORPORA
from pipelines.resources import Project
from pipelines.workspace import Workspace
from storage.tables import data_file_rows, table_exists
from storage.versions import find_version

KEY = dg.AssetKey(["midi_pretrain"])


@dg.asset(
    key=KEY,
    deps=["corpus"],
    partitions_def=CORPORA,
    group_name="corpus",
    kinds={"torch", "lightning"},
    owners=["team:research"],
    code_version=PRETRAINING_VERSION,
    pool="gpu",
)
@accounted
def midi_pretrain(
    context: dg.AssetExecutionContext, project: Project
) -> dg.MaterializeResult[None]:
    """The MIDI encoder, pretrained to guess hidden notes of clean playing; experiments start here.

    It learns from the train split alone, resumes after an interruption, and is skipped where the
    experiment file's `pretraining` is null. A corpus with a limit takes the encoder of its whole
    root, where one with the current settings exists: it has learnt from more music.
    """
    from models.training.pretraining.train import pretrain

    workspace = project.workspace(context.partition_key)
    config = workspace.experiment_config()
    if config.pretraining is None:
        context.log.info("midi_pretrain: off (null); the experiments start from random weights")
        return dg.MaterializeResult(metadata={"pretraining": "off: see the experiment file"})
    if folder := whole_root_encoder(workspace):
        context.log.info(f"midi_pretrain: taken from the whole root, {folder}")
        return dg.MaterializeResult(
            metadata={"taken from": "whole root", **pretraining_metadata(load_pretraining(folder))}
        )
    table = workspace.corpus_table("performances")
    found = find_version(table)

    def on_epoch(record: PretrainingEpoch) -> None:
        context.log_event(
            dg.AssetObservation(
                KEY, partition=workspace.corpus.name, metadata=curves_metadata(record)
            )
        )

    with workspace.write(workspace.pretraining_folder) as folder:
        result = pretrain(
            config,
            CorpusTable(table=table, version=found.version),
            folder,
            data_version=performances_version(workspace, found.version),
            data=TrainingData(corpus=workspace.corpus.name, tables={"performances": found}),
            log=context.log.info,
            on_epoch=on_epoch,
        )
    if not any(result.best.beats_unigram.values()):
        context.log.info(
            f"midi_pretrain: corpus {workspace.corpus.name} is too small to teach the encoder (no "
            "field beats its unigram); the models start from it all the same"
        )
    return dg.MaterializeResult(
        metadata={"version of performances": found.version, **pretraining_metadata(result)}
    )


def performances_version(workspace: Workspace, version: int | None = None) -> str:
    """Return a digest of the corpus's performances, as of a version of their table."""
    return parts_digest(data_file_rows(workspace.corpus_table("performances"), version))


def pretrained_folder(workspace: Workspace) -> Path | None:
    """Return the pretrained encoder that experiments start from; None where pretraining is off.

    It is that of the whole root where there is one (`whole_root_encoder`), else of the corpus.
    Raises UserError when it was made from other performances or settings than the current ones.
    """
    if workspace.experiment_config().pretraining is None:
        return None
    if folder := whole_root_encoder(workspace):
        return folder
    folder = workspace.fetch(workspace.pretraining_folder)
    if load_pretraining(folder).identity != expected_identity(workspace):
        raise UserError(
            f"the encoder in {folder} was pretrained on other performances or settings; expected "
            "today's: materialise midi_pretrain again"
        )
    return folder


def whole_root_encoder(workspace: Workspace) -> Path | None:
    """Return the encoder pretrained on the whole root of a limited corpus, with these settings.

    None where there is none, or where the corpus has no limit. It cannot leak scores: it learnt
    from the root's train split, which shares no composition with the others. But it has read more
    than the models that start from it are trained on (`pretrained_corpus`).
    """
    whole = whole_root(workspace)
    if whole is None or not table_exists(whole.corpus_table("performances")):
        return None
    folder = whole.fetch(whole.pretraining_folder)
    if not is_trained(folder) or load_pretraining(folder).identity != expected_identity(whole):
        return None
    return folder


def whole_root(workspace: Workspace) -> Workspace | None:
    """Return the corpus that is the whole root of a limited one, seen with its experiment file.

    None where the corpus has no limit, or nobody added its whole root.
    """
    settings, corpus = workspace.settings, workspace.corpus
    if corpus.limit is None:
        return None
    others = (find_corpus(settings, name) for name in corpus_names(settings))
    for other in others:
        if other.maestro == corpus.maestro and other.limit is None:
            seen = other.model_copy(update={"experiment": corpus.experiment})
            return Workspace(settings, seen)
    return None


def pretrained_corpus(workspace: Workspace) -> Workspace | None:
    """Return the corpus that the encoder was pretrained on; None where pretraining is off."""
    if workspace.experiment_config().pretraining is None:
        return None
    return whole_root(workspace) if whole_root_encoder(workspace) else workspace


def expected_identity(workspace: Workspace) -> str:
    """Return the identity of a pretraining on the current performances and settings."""
    config = workspace.experiment_config()
    return pretraining_identity(config, performances_version(workspace))


def field_rows(result: PretrainingResult) -> list[dict[str, Any]]:
    """Return the best epoch beside the unigram baseline, one row for each field."""
    best = result.best
    return [
        {
            "field": name,
            "cross-entropy (nats)": best.val_cross_entropy[name],
            "unigram (nats)": unigram,
            "beats it": result.best.beats_unigram.get(name, "nothing to guess"),
        }
        for name, unigram in best.unigram_cross_entropy.items()
    ]


def pretraining_lines(result: PretrainingResult) -> list[str]:
    """Return the fields as lines of a table, then where the encoder is."""
    lines = [f"{'field':<16}{'cross-entropy':>14}{'unigram':>10}   beats it"]
    for name, found, unigram, beats in (row.values() for row in field_rows(result)):
        shown = {True: "yes", False: "NO"}.get(beats, beats)
        lines.append(f"{name:<16}{found:>14.4f}{unigram:>10.4f}   {shown}")
    epochs = f"epoch {result.best.epoch} of {len(result.epochs)}"
    return [*lines, f"nats on the validation split; {epochs}", str(result.checkpoint)]


def pretraining_metadata(result: PretrainingResult) -> dict[str, Any]:
    """Return the best epoch's figures, field by field, and a table of all epochs."""
    return {
        "validation loss": defined(result.best.val_loss),
        "best epoch": result.best.epoch,
        "parameters": result.parameters,
        "seconds": defined(result.seconds),
        "checkpoint": dg.MetadataValue.path(result.checkpoint),
        "fields that beat the unigram": sum(result.best.beats_unigram.values()),
        "fields": records_metadata(field_rows(result)),
        "epochs": epochs_metadata(result.epochs),
    }
