"""Grades performances with a take grader: from their notes alone, without torch."""

from typing import TYPE_CHECKING

import numpy as np

from degradation.counted import counted
from degradation.errors import UserError
from labeling.scores import DIMENSIONS, OVERALL, Dimension
from models.inference.limits import find_limits
from models.inference.score import Graded, Score
from models.inference.sources import Sources
from models.inference.windows import Opened, open_for, open_performance
from models.skill import find_unskilled
from models.take_grader.document import NAME, TakeGrader
from models.take_grader.grade import grade_passages, grade_take
from models.take_grader.takes import FEWEST_NOTES, UNHEARD, passages

if TYPE_CHECKING:
    from models.inference.transcriber import Transcriber

STRIP_S = 20.0
"""Shorter passages show where in a take a grade fell."""

SHORTEST_S = 10.0
"""Less is graded, too, but not as a whole."""


class TakeScorer:
    """Grades with one take grader; a performance without MIDI needs a transcriber."""

    def __init__(
        self, grader: TakeGrader, transcriber: "Transcriber | None", tolerance_s: float
    ) -> None:
        """Make a scorer; MIDI and sound of one performance differ by up to `tolerance_s`."""
        self._grader, self._transcriber, self._tolerance_s = grader, transcriber, tolerance_s

    def grade(self, sources: Sources) -> Graded:
        """Return the scores of a performance, and of overlapping windows of it.

        A score is the mean over passages of a minute; a shorter take is one passage. Raises
        UserError when a file cannot be read, has no notes, or too few of them.
        """
        if sources.midi is None and self._transcriber is None:
            open_performance(sources, 0.0)  # a file that is no sound is told so
            raise UserError(
                f"{sources.name} is sound alone, and {NAME} reads notes; expected MIDI: add "
                "--transcribe (an extra), or grade it with a model that hears (--model audio_only)"
            )
        opened = open_for(sources, frozenset({"midi"}), self._tolerance_s, self._transcriber)
        assert opened.notes is not None
        whole = grade_take(self._grader, opened.notes)
        if np.isnan(whole).all():
            notes = counted(len(opened.notes.notes), "note")
            raise UserError(
                f"{sources.name} has {notes}, nowhere {FEWEST_NOTES} within a minute; expected so "
                "many: grade a longer take"
            )
        bounds_s = passages(opened.duration_s, STRIP_S)
        by_window = grade_passages(self._grader, opened.notes, bounds_s, FEWEST_NOTES // 2)
        heard = by_window[~np.isnan(by_window).all(axis=1)]
        spread = heard.std(axis=0) if len(heard) else np.full(len(DIMENSIONS), np.nan)
        limits = self._limits(opened)
        told = [name for name in DIMENSIONS if name not in limits]
        columns = {name: DIMENSIONS.index(name) for name in told}
        score = Score(
            file=sources.name,
            scores={name: float(whole[at]) for name, at in columns.items()},
            spread={name: float(spread[at]) for name, at in columns.items()},
            windows=len(heard),
            silent_windows=len(bounds_s) - len(heard),
            duration_s=opened.duration_s,
            left_out=opened.left_out,
            modality="audio→midi" if opened.transcribed else "midi",
            model=NAME,
            skill=self._grader.skill,
            not_judged=limits,
        )
        return Graded(score=score, opened=opened, bounds_s=tuple(bounds_s), by_window=by_window)

    def _limits(self, opened: Opened) -> dict[Dimension, str]:
        """Return the dimensions that are not judged, each with the reason."""
        limits = find_limits(opened, "performance", SHORTEST_S)
        if flat := limits.get("dynamic_range"):
            limits |= {"musical_expression": flat, OVERALL: flat}
        return limits | find_unskilled(self._grader.skill) | dict(UNHEARD)
