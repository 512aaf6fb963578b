"""Reads a recipe, which says how performances are damaged and scored, from its YAML file."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from degradation.config_file import explain, read_mapping
from degradation.errors import UserError
from degradation.factored import FactoredRecipe
from degradation.recipe_base import RECIPE_NAME, TIERS
from degradation.tiered import TieredRecipe

__all__ = ["RECIPE_NAME", "TIERS", "Recipe", "load_recipe", "recipe_files"]

Recipe = TieredRecipe | FactoredRecipe

_RECIPE: TypeAdapter[Recipe] = TypeAdapter(Annotated[Recipe, Field(discriminator="kind")])


def load_recipe(path: Path) -> Recipe:
    """Return the recipe of a YAML file; with `extends: NAME` its keys replace those of NAME.yaml.

    Raises UserError for a file that is missing, not YAML, or not a valid recipe.
    """
    values = read_mapping(path)
    if "name" in values:
        raise UserError(f"{path}: name is an unknown key: the recipe has the name of its file")
    if "extends" in values:
        values = _parent_values(path, values.pop("extends")) | values
    try:
        return _RECIPE.validate_python({"name": path.stem} | values)
    except ValidationError as error:
        reasons = explain(error, within=values.get("kind"))
        raise UserError(f"{path} is not a valid recipe: {reasons}") from error


def recipe_files(folder: Path) -> dict[str, Path]:
    """Return the recipes of a folder by name."""
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _parent_values(path: Path, parent: object) -> dict[str, Any]:
    others = {name: file for name, file in recipe_files(path.parent).items() if file != path}
    if str(parent) not in others:
        raise UserError(
            f"{path}: extends should be another recipe of its folder, one of "
            f"{', '.join(others) or 'none'}, got {parent!r}"
        )
    values = read_mapping(others[str(parent)])
    if "extends" in values:
        raise UserError(
            f"{path}: extends should be a recipe without `extends`, got {parent!r}, which extends "
            f"{values['extends']!r}: extend that one"
        )
    return values
