"""What was said of a network and its training, checked; what was left out is chosen."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from ..errors import InvalidArgument, unknown_name
from .options import MANY_ROWS, PLAIN, STEPS, Settings

if TYPE_CHECKING:
    from ..optimizers import Optimizer
    from ..tabular.recipes import Recipe

#: What can be trained in: Adam's epsilon is 0 in float16, and its largest number 65,504.
DTYPES = ("float32", "float64", "bfloat16")

#: A plain network without anything said, as TabZilla has its perceptron (McElfresh et al., "When do
#: neural nets outperform boosted trees on tabular data?", NeurIPS 2023).
HIDDEN, ACTIVATION, DROPOUT, OPTIMIZER, BATCH_SIZE = "128,256,128", "relu", 0.1, "adamw", 128

#: What can be said beside a recipe, where it has such a setting.
_OF_RECIPES = (
    "hidden", "activation", "dropout", "optimizer", "learning_rate", "weight_decay", "epochs",
    "batch_size", "patience",
)  # fmt: skip


def check(settings: Settings) -> None:
    """Raise for whatever can be wrong before any data has been looked at."""
    from ..activations import get_activation
    from ..checks import check_number
    from ..dropout import LARGEST_RATE

    if recipe_of(settings) is None:
        widths_of(settings.hidden)
        get_activation(settings.activation or ACTIVATION)
        optimizer_of(settings)
    if settings.dropout is not None:
        check_number("dropout", settings.dropout, at_least=0.0, at_most=LARGEST_RATE)
    if settings.time_limit is not None:
        check_number("time_limit", settings.time_limit, above=0.0)
    check_number("test_fraction", settings.test_fraction, above=0.0, below=1.0)
    if settings.validation is not None:
        check_number("validation", settings.validation, above=0.0, below=1.0)
    if settings.folds is not None:
        check_number("folds", settings.folds, at_least=2, integer=True)
    check_number("repeats", settings.repeats, at_least=1, integer=True)
    if settings.repeats > 1 and settings.folds is None:
        raise InvalidArgument(f"repeats={settings.repeats}: wanted folds as well.")
    check_number("n_ens", settings.n_ens, at_least=1, integer=True)
    check_number("seed", settings.seed, at_least=0, below=2**32, integer=True)
    for name in ("batch_size", "epochs", "patience"):
        if (value := getattr(settings, name)) is not None:
            check_number(name, value, at_least=1, integer=True)
    for name, known in (
        ("class_weight", ("balanced",)),
        ("task", ("classification", "regression")),
    ):
        if (value := getattr(settings, name)) not in (None, *known):
            raise unknown_name(name, value, known)
    if settings.dtype == "float16":
        raise InvalidArgument(
            f"dtype='float16' is too narrow to train in: wanted one of {', '.join(DTYPES)}."
        )


def recipe_of(settings: Settings) -> Recipe | None:
    """Return the recipe with what was said beside it; None for a plain network.

    Raises
    ------
    InvalidArgument
        If there is no such recipe, or it has no such setting.
    """
    from ..checks import check_number
    from ..tabular.recipes import RECIPES, get_recipe

    name = settings.with_recipe.recipe
    assert name is not None
    if name == PLAIN:
        return None
    if name not in RECIPES:
        raise unknown_name("recipe", name, (*RECIPES, PLAIN))
    kind = get_recipe(name)
    own = {field.name for field in fields(kind)}
    said = {each: value for each in _OF_RECIPES if (value := getattr(settings, each)) is not None}
    for each, value in said.items():
        if each not in own:
            raise InvalidArgument(
                f"{each}={value!r} and recipe={name!r}: that recipe has no such setting, wanted "
                f"another one, such as recipe={PLAIN!r}."
            )
    if "learning_rate" in said:
        check_number("learning_rate", said["learning_rate"], above=0.0, below=math.inf)
    if "weight_decay" in said:
        check_number("weight_decay", said["weight_decay"], at_least=0.0, below=math.inf)
    if "hidden" in said:
        said["hidden"] = tuple(widths_of(said["hidden"]))
    return kind(**said)


def settled(settings: Settings, n: int) -> Settings:
    """Return the settings with what was left out chosen for n rows."""
    settings = settings.with_recipe
    recipe = recipe_of(settings)
    if recipe is not None:
        return replace(settings, epochs=recipe.epochs, batch_size=recipe.batch_size)
    batch_size = settings.batch_size or BATCH_SIZE
    rule = optimizer_of(settings)
    return replace(
        settings,
        validation=settings.watched,
        hidden=settings.hidden or HIDDEN,
        activation=settings.activation or ACTIVATION,
        dropout=DROPOUT if settings.dropout is None else settings.dropout,
        optimizer=settings.optimizer or OPTIMIZER,
        batch_size=batch_size,
        epochs=settings.epochs or _epochs(n, batch_size),
        learning_rate=rule.schedule.initial,
        weight_decay=rule.decay_schedule.initial,
    )


def widths_of(hidden: str | None) -> list[int]:
    """Return the units of each hidden layer."""
    hidden = HIDDEN if hidden is None else hidden
    try:
        widths = [int(width) for width in hidden.split(",")]
    except ValueError:
        widths = [-1]
    if widths == [0]:
        return []
    if min(widths) < 1:
        raise InvalidArgument(
            f"hidden={hidden!r}: wanted the units of each hidden layer, such as 128,64, or 0."
        )
    return widths


def optimizer_of(settings: Settings) -> Optimizer:
    """Return the rule with a learning rate that falls to 0, so that no epoch has to be chosen."""
    from ..checks import check_number
    from ..optimizers import AdamW, get_optimizer
    from ..schedules import Cosine

    name = OPTIMIZER if settings.optimizer is None else settings.optimizer
    rate, decay = settings.learning_rate, settings.weight_decay
    kind = type(get_optimizer(name))
    if rate is None:
        rate = 0.05 if name in ("sgd", "momentum", "nesterov") else 0.001
    if decay is None:
        decay = 0.01 if kind is AdamW else 0.0
    check_number("learning_rate", rate, above=0.0, below=math.inf)
    check_number("weight_decay", decay, at_least=0.0, below=math.inf)
    return kind(Cosine(rate), weight_decay=decay)


def _epochs(n: int, batch_size: int) -> int:
    """As many as make `STEPS` steps, within bounds: fewer for what would be learned by heart."""
    least = 60 if n < MANY_ROWS else 20
    return min(300, max(least, round(STEPS * batch_size / n)))
