"""What `agnostic-nn train` can be told: an option is one entry here, and one in settings.json."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields, replace
from types import UnionType
from typing import Annotated, Any, Self, get_args, get_origin, get_type_hints

import typer

from ..errors import InvalidArgument, InvalidType, shown
from .common import BackendName, DataFiles, Decimal, Encoding, MaxMemory, Separator

#: How many steps an epoch count that was left out aims at.
STEPS = 1000

#: From here on a table is seen less often.
MANY_ROWS = 100_000

#: How much of the rows is watched where `--patience` needs some to watch, and for recipes, which
#: choose their best epoch by it.
WATCHED, RECIPE_WATCHED = 0.1, 0.2

#: The network that is trained without anything said, and the one that is no recipe.
RECIPE, PLAIN = "realmlp", "plain"

#: What a recipe, or the data, decide where it was left out.
CHOSEN = (
    "validation", "hidden", "activation", "dropout", "optimizer", "learning_rate", "weight_decay",
    "epochs", "batch_size",
)  # fmt: skip

_COLUMNS, _SPLITS, _NETWORK, _TRAINING = "Columns", "Rows", "Network", "Training"


def _option(
    text: str, panel: str, *, default: str | None = None, metavar: str | None = None
) -> Any:
    """Describe an option; `default` says what happens where it is left out."""
    shown_default: Any = True if default is None else default
    return typer.Option(
        help=text, rich_help_panel=panel, show_default=shown_default, metavar=metavar
    )


def _names(text: str, default: str = "none") -> Any:
    return _option(text, _COLUMNS, default=default, metavar="NAME,NAME")


Names = list[str] | None


@dataclass(frozen=True)
class Settings:
    """All that decides what a run ends with; None where the data or the package decides."""

    data: DataFiles = None
    separator: Separator = None
    encoding: Encoding = None
    decimal: Decimal = None
    max_memory: MaxMemory = None
    target: Annotated[
        str | None,
        _option(
            "The column to predict; its number in an .npy file.",
            _COLUMNS,
            default="what the data itself says",
        ),
    ] = None
    task: Annotated[
        str | None,
        _option(
            "classification or regression.",
            _COLUMNS,
            default="classification where the target is text, true/false, or at most 20 distinct "
            "whole numbers with 5 rows for each",
        ),
    ] = None
    features: Annotated[
        Names,
        _names("The columns to predict from.", "all others"),
    ] = None
    drop: Annotated[Names, _names("Columns not to look at.")] = None
    categorical: Annotated[Names, _names("Columns that are categories, also if numbers.")] = None
    numeric: Annotated[Names, _names("Columns that are numbers.")] = None
    na: Annotated[Names, _names("Texts that stand for no value, beside the known ones.")] = None
    id: Annotated[
        str | None,
        _option("The column that names a row: predictions carry it.", _COLUMNS, default="none"),
    ] = None
    weight: Annotated[
        str | None,
        _option("The column that says what a row counts for.", _COLUMNS, default="all the same"),
    ] = None
    group: Annotated[
        str | None,
        _option("Rows with the same value here are held out together.", _SPLITS, default="none"),
    ] = None
    time: Annotated[
        str | None,
        _option("The column that says when: later rows are held out.", _SPLITS, default="none"),
    ] = None
    test_fraction: Annotated[
        float, _option("Share of the rows to hold out and test on.", _SPLITS)
    ] = 0.2
    validation: Annotated[
        float | None,
        _option(
            "Share of the other rows to watch while training.",
            _SPLITS,
            default=f"{RECIPE_WATCHED} for recipes; plain: none, {WATCHED} with --patience",
        ),
    ] = None
    folds: Annotated[
        int | None,
        _option(
            "Hold out each of so many parts in turn; the model is fitted to all rows.",
            _SPLITS,
            default="none",
        ),
    ] = None
    repeats: Annotated[int, _option("How often to draw the folds.", _SPLITS)] = 1
    seed: Annotated[int, _option("Of the split, the weights, the order and dropout.", _SPLITS)] = 0
    backend: BackendName = None
    recipe: Annotated[
        str | None,
        _option(
            "realmlp, realmlp-s, tabm: published recipes; plain: a perceptron.",
            _NETWORK,
            default=f"{RECIPE}; {PLAIN} with --activation or --optimizer",
        ),
    ] = None
    hidden: Annotated[
        str | None,
        _option(
            "Units of each hidden layer; 0 for none.",
            _NETWORK,
            metavar="N,N,...",
            default="256,256,256; plain: 128,256,128",
        ),
    ] = None
    activation: Annotated[
        str | None, _option("Of the hidden layers.", _NETWORK, default="plain: relu")
    ] = None
    dropout: Annotated[
        float | None,
        _option(
            "Fraction of hidden units a step leaves out.",
            _NETWORK,
            default="what the recipe says; plain: 0.1",
        ),
    ] = None
    n_ens: Annotated[
        int, _option("Networks to train side by side; their mean is what predicts.", _NETWORK)
    ] = 1
    dtype: Annotated[
        str, _option("float32, float64, or bfloat16 where the backend has it.", _NETWORK)
    ] = "float32"
    optimizer: Annotated[
        str | None,
        _option(
            "sgd, momentum, nesterov, rmsprop, adam or adamw.", _TRAINING, default="plain: adamw"
        ),
    ] = None
    learning_rate: Annotated[
        float | None,
        _option(
            "At its highest; a plain network's falls to 0 along half a cosine.",
            _TRAINING,
            default="what the recipe says; plain: 0.001, or 0.05 for sgd, momentum and nesterov",
        ),
    ] = None
    weight_decay: Annotated[
        float | None,
        _option(
            "How strongly weights are drawn to 0, times the learning rate.",
            _TRAINING,
            default="what the recipe says; plain: 0.01 for adamw, else 0",
        ),
    ] = None
    epochs: Annotated[
        int | None,
        _option(
            "How often to go through the data.",
            _TRAINING,
            default="what the recipe says; plain: "
            f"{STEPS:,} steps, in 60 to 300 epochs; 20 from {MANY_ROWS:,} rows on",
        ),
    ] = None
    batch_size: Annotated[
        int | None,
        _option("Examples per step.", _TRAINING, default="256; plain: 128"),
    ] = None
    patience: Annotated[
        int | None,
        _option(
            "Stop after so many without a lower cost on watched rows; keep the best.",
            _TRAINING,
            metavar="EPOCHS",
            default="never; tabm: 16",
        ),
    ] = None
    time_limit: Annotated[
        float | None,
        _option(
            "Be done in so many seconds, with the best network so far.",
            _TRAINING,
            metavar="SECONDS",
            default="none",
        ),
    ] = None
    class_weight: Annotated[
        str | None,
        _option(
            "balanced: rare classes count as much as frequent ones.", _TRAINING, default="none"
        ),
    ] = None
    metric: Annotated[
        str | None,
        _option(
            "The score that leads: accuracy, balanced_accuracy, f1, auc, log_loss, brier, "
            "calibration_error; r2, rmse, mae.",
            _SPLITS,
            default="accuracy; r2",
        ),
    ] = None

    @property
    def watched(self) -> float | None:
        """The share of rows to watch: what was asked for, or some where some are needed."""
        if self.validation is not None:
            return self.validation
        if self.recipe != PLAIN:
            return RECIPE_WATCHED
        return None if self.patience is None else WATCHED

    @property
    def with_recipe(self) -> Self:
        """The same with the name of the recipe, where it was left to what else is said."""
        if self.recipe is not None:
            return self
        plain = self.activation is not None or self.optimizer is not None
        return replace(self, recipe=PLAIN if plain else RECIPE)

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Return the settings that `to_json` described; what is not in them has its default.

        Raises
        ------
        InvalidType
            If this is no such description.
        """
        if not isinstance(content, dict):
            raise InvalidType(f"settings are {shown(content)}: wanted names and values.")
        content = {"recipe": PLAIN} | content  # as they all were when there was no other
        known = {field.name for field in fields(cls)}
        if strange := sorted(set(content) - known):
            raise InvalidArgument(f"settings name {shown(strange[0])}, which this version has not.")
        if isinstance(content.get("data"), str):  # as it was when there could be one
            content = {**content, "data": [content["data"]]}
        hints = get_type_hints(cls)
        for name, value in content.items():
            if not _is_of(value, hints[name]):
                wanted = getattr(hints[name], "__name__", hints[name])
                raise InvalidType(f"settings have {name}={shown(value)}: wanted {wanted}")
        return cls(**content)

    def to_json(self) -> dict[str, Any]:
        """Return them in terms of JSON."""
        return asdict(self)


def _is_of(value: Any, hint: Any) -> bool:
    """Whether a value of JSON is what an option's annotation says."""
    if get_origin(hint) is UnionType:
        return any(_is_of(value, one) for one in get_args(hint))
    if get_origin(hint) is list:
        (each,) = get_args(hint)
        return isinstance(value, list) and all(_is_of(one, each) for one in value)
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint


def takes(
    kind: type, names: Collection[str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field of a dataclass, beside those of its own.

    The command gets them in its ``**options``; only those of these names, where there are some.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(kind, include_extras=True)
        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [
            *(
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=field.default,
                    annotation=hints[field.name],
                )
                for field in fields(kind)
                if names is None or field.name in names
            ),
            *(one for one in own if one.kind is inspect.Parameter.KEYWORD_ONLY),
        ]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        return command

    return decorate
