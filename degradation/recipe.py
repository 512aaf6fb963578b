"""A recipe of any kind: how performances are damaged and scored. YAML in, typed recipe out."""

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

    Raises UserError, in one line, for a file that is missing, no YAML, or not a sound recipe.
    """
    values = read_mapping(path)
    if "name" in values:
        raise UserError(f"{path}: name is an unknown key: a recipe is called what its file is")
    if "extends" in values:
        values = _parent_values(path, values.pop("extends")) | values
    try:
        return _RECIPE.validate_python({"name": path.stem} | values)
    except ValidationError as error:
        told = explain(error, within=values.get("kind"))
        raise UserError(f"{path} is not a sound recipe: {told}") from error


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
            f"{path}: extends should be a recipe that stands alone, got {parent!r}, which extends "
            f"{values['extends']!r}: extend that one"
        )
    return values
