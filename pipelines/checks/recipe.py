"""The check that a recipe's YAML file is valid: what is wrong with it shows on its own page."""

import dagster as dg

from degradation.errors import UserError
from pipelines.settings import find_recipe

NAME = "recipe_is_valid"


def recipe_check(recipe_name: str) -> dg.AssetChecksDefinition:
    """Return the asset check of one recipe's file; `recipes_changed` records it, too."""

    @dg.asset_check(asset=[recipe_name, "recipe"], name=NAME, blocking=True)
    def valid() -> dg.AssetCheckResult:
        """The YAML file is a recipe: known keys, values within their limits."""
        reason = fault(recipe_name)
        return dg.AssetCheckResult(passed=not reason, description=reason or "the file is valid")

    return valid


def fault(recipe_name: str) -> str:
    """Return what is wrong with a recipe's file in one line; nothing where it is valid."""
    try:
        find_recipe(recipe_name)
    except UserError as error:
        return str(error)
    return ""


def evaluation(recipe_name: str, reason: str) -> dg.AssetCheckEvaluation:
    """Return the event that records whether a recipe's file is valid."""
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey([recipe_name, "recipe"]),
        check_name=NAME,
        passed=not reason,
        description=reason or "the file is valid",
    )
