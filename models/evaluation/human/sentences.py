"""What the page says first: what goes with listeners and what does not, in plain sentences."""

from collections.abc import Mapping, Sequence

from models.evaluation.human.fine_tuning import StartName
from models.evaluation.human.grading import Graded
from models.evaluation.human.rating_agreement import Row
from models.evaluation.human.summary import Findings
from models.evaluation.report.formats import listed, number, signed

FROM: Mapping[StartName, str] = {
    "pretrained": "the pretrained encoder that it began with",
    "scratch": "scratch",
}
"""How a sentence calls the starts that lack training on damage."""


def say(findings: Findings) -> list[str]:
    """Return the findings in order of weight; each is a sentence or a few."""
    return [
        _functions(findings.functions),
        _heuristics(findings.heuristics),
        _models(findings),
        _baseline(findings),
        _tuning(findings),
        _ceiling(findings),
    ]


def shown(row: Row) -> str:
    """Return a row's name and rho as a sentence lists them."""
    return f"{row.name} ({signed(row.agreement.within.r, 2)} with {row.scale})"


def _split(rows: Sequence[Row]) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the rows of a claim that follow, run against it, and cannot be told from nothing."""
    found = [
        [row for row in rows if row.agreement.verdict == verdict]
        for verdict in ("follows", "runs against", "not told from nothing")
    ]
    return found[0], found[1], found[2]


def _functions(rows: Sequence[Row]) -> str:
    follow, against, nothing = _split(rows)
    told = [
        f"{len(follow)} of {len(rows)} labeling functions follow the scale that they should, "
        f"within the same music: {listed([shown(row) for row in _strongest(follow)])}."
        if follow
        else "No labeling function follows the scale that it should."
    ]
    weak = [row.name for row in follow if abs(row.agreement.within.r) < 0.2]
    if weak:
        told.append(f"Weak all the same (below 0.2): {listed(weak)}.")
    if against:
        told.append(f"Against their claim run {listed([shown(row) for row in against])}.")
    if nothing:
        told.append(f"No correlation can be shown of {listed([shown(row) for row in nothing])}.")
    return " ".join(told)


def _heuristics(rows: Sequence[Row]) -> str:
    follow, against, nothing = _split(rows)
    told = [f"Of {len(rows)} simple heuristics {len(follow)} follow the scale that they should."]
    if against:
        told.append(f"Against it run {listed([shown(row) for row in against])}.")
    if nothing:
        told.append(f"Not told from nothing: {listed([shown(row) for row in nothing])}.")
    return " ".join(told)


def _models(findings: Findings) -> str:
    graded = findings.models
    if graded is None:
        return f"Nothing can be said of the trained models: {findings.no_models}."
    claimed = [
        row for rows in graded.rows.values() for row in rows if row.agreement.sign is not None
    ]
    follow, against, nothing = _split(claimed)
    told = [
        f"Of {len(claimed)} claims that the trained models' scores make of listeners, "
        f"{len(follow)} hold, {len(against)} run the other way, and {len(nothing)} cannot be told "
        f"from nothing. By chance about {number(0.025 * len(claimed), 1)} would seem to hold."
    ]
    told += [_of_model(graded, name) for name in graded.experiments]
    return " ".join([*told, *_read(graded)])


def _read(graded: Graded) -> list[str]:
    """Return which models have read clips that they were not trained on; nothing where none has."""
    readers = [name for name, count in graded.read.items() if count]
    if not readers:
        return []
    count = graded.read[readers[0]]  # they start from one encoder
    return [
        f"No model was trained on the performances of these {graded.judged} clips, but the encoder "
        f"that {listed(readers)} started from has read those of {count} in masked pretraining, "
        f"without labels: {graded.judged - count} of the clips are of playing that it never read."
    ]


def _of_model(graded: Graded, name: str) -> str:
    rows = next(rows for of, rows in graded.rows.items() if of == name)
    follow, against, _ = _split([row for row in rows if row.agreement.sign is not None])
    if not follow and not against:
        return f"{name} follows no claimed scale."
    told = f"{name} follows {listed([shown(row) for row in _strongest(follow)])}" if follow else ""
    if against:
        wrong = f"against its claim runs {listed([shown(row) for row in _strongest(against)])}"
        told = f"{told}; {wrong}" if told else f"{name}: {wrong}"
    return f"{told}."


def _strongest(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: -abs(row.agreement.within.r))


def _baseline(findings: Findings) -> str:
    works, segments = findings.baseline_by_work, findings.baseline_by_segment
    return (
        "Sixteen hand-made features with gradient boosting, which no one would call a musician, "
        f"predict the ratings of held-out works with r = {number(works.r, 2)} "
        f"(R² {number(works.r2, 2)}; within score r = {number(works.within_r, 2)}). Where only the "
        f"bars are held out and the works are known, R² is {number(segments.r2, 2)}: what seems "
        "predictable hangs on knowing the works. A model below the baseline has learnt nothing "
        "of listening."
    )


def _tuning(findings: Findings) -> str:
    tuned = findings.tuned
    if tuned is None:
        return f"Fine-tuning on the ratings was not compared: {findings.not_tuned}."
    start = tuned.starts["checkpoint"]
    others = [
        f"{number(tuned.starts[name].within_r, 2)} from {said}"
        for name, said in FROM.items()
        if name in tuned.starts
    ]
    if not tuned.gain_interval.excludes_zero:
        verdict = "Training on damage cannot be shown to help or to harm as a start"
    elif tuned.gain > 0:
        verdict = "Training on damage helps as a start"
    else:
        verdict = "Training on damage harms as a start"
    beats = "above" if start.within_r > tuned.baseline.within_r else "not above"
    return (
        f"{verdict}: fine-tuned on the ratings of other works, midi_only reaches within score "
        f"r = {number(start.within_r, 2)} from the degradation-trained checkpoint, "
        f"{listed(others)}. The checkpoint's gain over "
        f"{FROM[tuned.gain_over]} is {signed(tuned.gain, 2)} (95 % interval "
        f"{signed(tuned.gain_interval.low, 2)} to {signed(tuned.gain_interval.high, 2)}; "
        f"{_redrawn(tuned.seeds)}). The checkpoint's r is {beats} the baseline's "
        f"{number(tuned.baseline.within_r, 2)}."
    )


def _redrawn(seeds: int) -> str:
    """Return what an interval of fine-tuning leaves out."""
    if seeds == 1:
        return "over passages: each start was trained with one seed, and seeds were not redrawn"
    return f"over passages: {seeds} seeds a start are averaged, and were not redrawn"


def _ceiling(findings: Findings) -> str:
    found = list(findings.reliability.values())
    icc_k = sum(scale.icc_k for scale in found) / len(found)
    icc_1 = sum(scale.icc_1 for scale in found) / len(found)
    return (
        f"Listeners agree moderately themselves: a single rating has a reliability of "
        f"{number(icc_1)}, the mean of a clip's raters {number(icc_k)}. No score can explain more "
        "of the published means than that."
    )
