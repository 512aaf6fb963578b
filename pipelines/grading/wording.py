"""What a terminal and a page say of a grade: the one number, its error, and what limits it."""

from degradation.recipe import Recipe
from degradation.tiered import TieredRecipe
from labeling.scores import DIMENSIONS, OVERALL, Dimension
from models.inference.score import GraderName, Score
from models.take_grader.document import NAME as TAKE_GRADER

INPUT_WORDS = {
    "audio": "audio alone",
    "midi": "MIDI alone",
    "audio+midi": "audio and MIDI",
    "audio→midi": "MIDI transcribed from audio",
    "audio+audio→midi": "audio and MIDI transcribed from it",
}


def is_one_signal(recipe: Recipe) -> bool:
    """Whether all eight labels carry one signal: a tier draws them from one range."""
    return isinstance(recipe, TieredRecipe)


def told(score: Score, recipe: Recipe) -> tuple[Dimension, ...]:
    """Return the dimensions whose grades are shown: overall alone where all are one signal."""
    if is_one_signal(recipe) and OVERALL in score.scores:
        return (OVERALL,)
    return tuple(name for name in DIMENSIONS if name in score.scores)


def one_number(score: Score) -> str:
    """Return the one number with its error, or why there is none."""
    if OVERALL not in score.scores:
        return f"overall not judged, {score.not_judged[OVERALL]}"
    return f"{with_error(score, OVERALL)} overall"


def with_error(score: Score, name: Dimension) -> str:
    """Return the grade of a dimension that is judged, ± the model's error, in whole points."""
    return f"{score.scores[name]:.0f} ± {max(1, round(score.skill[name].error_points))}"


def measured(score: Score, recipe: Recipe) -> str:
    """Return how the errors beside the grades were measured."""
    r = f" r = {score.skill[OVERALL].r:.2f}" if OVERALL in score.scores else ""
    return (
        f"± is how far {score.model} was off on average, on clips of pieces that it did not learn "
        f"from, by the labels of recipe {recipe.name}{r and ';'}{r}."
    )


def weakness(model: GraderName, recipe: Recipe) -> str:
    """Return what limits every grade that a model learnt from this recipe."""
    if model == TAKE_GRADER:
        return (
            "The grades say how far the playing is from a clean take, by made-up faults that no "
            "listener graded. On 45 takes of amateurs their order agrees with four piano "
            "teachers' mean by rho = .59, within a piece .68 (one teacher: .47 to .79). Compare "
            "takes of one piece; in concert music rubato counts as unsteady."
        )
    unheard = f"The grades continue the labels of recipe {recipe.name}, which no listener gave"
    if is_one_signal(recipe):
        return (
            f"{unheard}. All eight labels are one signal, how damaged a performance is: hence one "
            "number. It mostly measures noise and recording quality, of MIDI unsteady onsets; "
            "wrong notes hardly move it."
        )
    faint = recipe.name == "factored"
    faults = "faint damage to virtuosos' playing" if faint else "made-up faults"
    reach = " They do not carry over to amateurs' playing." if faint else ""
    return (
        f"{unheard}: they are sizes of {faults}, in units that are partly our own choice (95: not "
        f"noticed).{reach}"
    )
