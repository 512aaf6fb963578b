"""The sections of a report, in a reader's order, and which of them a report has."""

from collections.abc import Callable
from dataclasses import dataclass

from models.evaluation.report.tables import Content


def _fusions(report: Content) -> bool:
    return any(found["fusion"] for found in report["experiments"])


def _twins(report: Content) -> bool:
    return (
        _counterfactual(report)
        and report["counterfactual"]["labels"]["recording_invariance"] is not None
    )


def _counterfactual(report: Content) -> bool:
    return bool(report["counterfactual"] and report["counterfactual"]["models"])


def _leaning(report: Content) -> bool:
    return _counterfactual(report) and any(
        model["modality_reliance"] for model in report["counterfactual"]["models"].values()
    )


def _always(report: Content) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its anchor and template `id`.html.j2, its heading, its name in the list of links.

    `of_one` is what is shown only on the page of one recipe, not where several are compared.
    """

    id: str
    heading: str
    link: str
    is_there: Callable[[Content], bool]
    of_one: bool = False


SECTIONS = (
    Section("gates", "Success gates", "Gates", _always),
    Section("experiments", "The experiments", "Experiments", _always),
    Section("dimensions", "By dimension", "By dimension", _always, of_one=True),
    Section(
        "pairs",
        "Best fusion against best single modality",
        "Significance",
        lambda report: report["pairs"] is not None,
    ),
    Section("ceilings", "Ceilings and headroom", "Ceilings", _always),
    Section("confusion", "Tiers told apart", "Tiers", _always),
    Section("fusion", "Fusion: what each modality contributes", "Fusion", _fusions),
    Section("alone", "With one modality alone", "One modality alone", _fusions),
    Section("doses", "Dose and response", "Dose-response", _counterfactual),
    Section("movement", "Which factor moves which dimension", "Factors", _counterfactual),
    Section("nuisance", "Another recording of the same playing", "Nuisance", _twins),
    Section("leaning", "Gate and share by factor", "Gate by factor", _leaning),
    Section(
        "transcription",
        "Audio alone, by way of transcription",
        "Transcription",
        lambda report: report["transcription"] is not None,
    ),
    Section(
        "tokens",
        "What survives tokenisation",
        "Tokenisation",
        lambda report: bool(report["token_audit"]),
    ),
    Section(
        "audits",
        "What labels and recordings give away",
        "Audits",
        lambda report: bool(report["label_structure"] or report["shortcut_audit"]),
    ),
    Section("training", "Training", "Training", _always, of_one=True),
    Section(
        "pretraining",
        "Masked pretraining",
        "Masked pretraining",
        lambda report: report["pretraining"] is not None,
        of_one=True,
    ),
    Section("data", "The data", "The data", _always),
)
