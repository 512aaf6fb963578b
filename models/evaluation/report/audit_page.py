"""The page of one audit, drawn from its document in the report's style."""

from degradation.recipe import TIERS
from labeling.scores import DIMENSIONS
from models.evaluation.agreement.resampling import FEWEST_FOR_INTERVAL
from models.evaluation.audits.documents import (
    LabelStructure,
    ShortcutAudit,
    TokenAudit,
    TranscriptionAudit,
)
from models.evaluation.audits.thresholds import ThresholdVerdict, describe
from models.evaluation.report.environment import page_environment
from models.provenance import provenance

Audit = LabelStructure | ShortcutAudit | TokenAudit | TranscriptionAudit

TITLES: dict[type[Audit], tuple[str, str]] = {
    LabelStructure: ("label_structure", "Are the eight labels eight?"),
    ShortcutAudit: ("shortcut_audit", "Does anything but the playing give the tier away?"),
    TokenAudit: ("token_audit", "What survives when notes become tokens"),
    TranscriptionAudit: ("transcription", "From audio alone, by transcription"),
}
"""The name of each audit, which is also its asset's and its file's, and the heading of its page."""


def audit_page(audit: Audit, recipe: str, corpus: str) -> str:
    """Return the page of an audit of a recipe's rows of a corpus as HTML."""
    kind, title = TITLES[type(audit)]
    thresholds: tuple[ThresholdVerdict, ...] = ()
    if isinstance(audit, LabelStructure):
        thresholds = audit.shape.thresholds
    elif isinstance(audit, ShortcutAudit):
        thresholds = (audit.threshold,)
    return (
        page_environment()
        .get_template("audit.html.j2")
        .render(
            audit=audit,
            kind=kind,
            title=title,
            recipe=recipe,
            corpus=corpus,
            thresholds=thresholds,
            describe=describe,
            dimensions=DIMENSIONS,
            tiers=TIERS,
            fewest=FEWEST_FOR_INTERVAL,
            provenance=provenance(),
        )
    )
