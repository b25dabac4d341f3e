"""Recipes: networks for tables whose every setting is said beforehand, and which need no tuning."""

from ...checks import look_up
from .realmlp import RealMLP
from .realmlp_s import RealMLPS
from .recipe import Examples, Recipe, Task, fit_recipe
from .tabm import TabM

__all__ = [
    "RECIPES",
    "Examples",
    "RealMLP",
    "RealMLPS",
    "Recipe",
    "TabM",
    "Task",
    "fit_recipe",
    "get_recipe",
]

#: Every recipe by name. A new one is a file and a line here.
RECIPES: dict[str, type[Recipe]] = {"realmlp": RealMLP, "realmlp-s": RealMLPS, "tabm": TabM}


def get_recipe(name: str) -> type[Recipe]:
    """Return the recipe of that name."""
    return look_up("recipe", name, RECIPES)
