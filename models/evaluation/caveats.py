"""What a reader must know before believing a figure, in plain words."""

from models.evaluation.summary import Summary

FEW_COMPOSITIONS = 10
"""Below this many test compositions an interval says little (and is likely too narrow)."""

RECIPE_CAVEATS: dict[str, tuple[str, ...]] = {
    "phase2": (
        "A noise meter solves this task. In recipe phase2 each tier has its own signal-to-noise "
        "ratio (none, 35, 25 and 20 dB), so whatever hears the noise floor knows the tier. The r "
        "of audio_only and gated reflects that shortcut, not musicianship.",
        "The MIDI model has no such shortcut: it has to find jitter, wrong notes and flattened "
        "dynamics in the notes. Its lower r says more about hearing playing than the others' "
        "higher one.",
        "All eight dimensions carry one signal, the tier. They differ by random draws alone, so "
        "the rows of the table by dimension are the same result eight times, give or take chance.",
    ),
}
RECIPE_CAVEATS["phase2_recorded"] = RECIPE_CAVEATS["phase2"]


def caveats(summary: Summary) -> list[str]:
    """Return what limits these figures, most important first."""
    found = list(RECIPE_CAVEATS.get(summary.recipe, ()))
    pieces = summary.compositions[summary.split]
    if pieces < FEW_COMPOSITIONS:
        what = "one composition" if pieces == 1 else f"{pieces} compositions"
        found.append(
            f"The {summary.split} split holds {what}. Segments of one piece are alike, so the real "
            f"sample size is closer to {pieces} than to the number of clips; intervals resting on "
            f"fewer than {FEW_COMPOSITIONS} pieces are too narrow, and on one there is none."
        )
    if summary.audio_source == "recorded":
        found.append(
            "The audio is the corpus's own recording: damage to the notes never reached it, and "
            "only noise and filtering tell its tiers apart."
        )
    found.append(
        "Labels are drawn by a recipe, not given by listeners. Nothing here says that a person "
        "would agree with any of these scores."
    )
    return found
