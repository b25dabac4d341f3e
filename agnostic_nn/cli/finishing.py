"""What a run leaves: the model, its scores, predictions, pictures, and the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..files import write
from ..network import training_of
from . import pictures, report
from .common import say
from .data import Source
from .options import Settings
from .outcome import NETWORK, Outcome
from .runs import CHECKPOINT, CLOCK, METRICS, MODEL, read_run, remove

if TYPE_CHECKING:
    from ..tabular import Preparation

PREDICTIONS, REPORT = "predictions.csv", "report.html"


def finish(
    outcome: Outcome, source: Source, settings: Settings, folder: Path, *, as_json: bool
) -> None:
    """Write the run's folder, and say how good the network is and where it lies."""
    from ..tabular.scores import leading
    from ..tabular.writing import for_spreadsheets
    from .html import write_report

    net, preparation = outcome.net, outcome.data.preparation
    lead = leading(settings.metric, preparation.task)
    metrics = metrics_of(outcome, settings)
    save_model(outcome, source, settings, folder / MODEL)
    write(folder / "history.csv", _history(training_of(net).history))
    write(folder / METRICS, json.dumps(metrics, indent=2).encode())
    predictions = predictions_of(outcome)
    write(folder / PREDICTIONS, for_spreadsheets(predictions).to_csv(index=False).encode())
    drawn = pictures.of_run(outcome, lead)
    for picture in drawn:
        write(folder / f"{picture.name}.png", picture.png())
    write_report(
        folder / REPORT, outcome=outcome, source=source, run=read_run(folder), lead=lead,
        metrics=metrics, predictions=predictions, pictures=drawn,
    )  # fmt: skip
    remove(folder, CHECKPOINT, CLOCK)  # there is nothing left to go on with

    if as_json:
        typer.echo(json.dumps({"run": str(folder), "model": str(folder / MODEL), **metrics}))
        return
    report.show_outcome(outcome)
    say(report.verdict(outcome, lead))
    speed = f"{metrics['examples_per_second']:,.0f} examples/s"
    say(f"training time: {metrics['seconds']:.1f} s, {speed}")
    say(f"model: {folder / MODEL}")
    say(f"report: {folder / REPORT}")
    value = outcome.scores["test"][NETWORK][lead.name]
    spread = outcome.spread.get(NETWORK, {}).get(lead.name)
    said = "not defined" if value is None else f"{value:.4f}"
    say(f"test {lead.title}: {said}" + ("" if spread is None else f" ± {spread:.4f}"))
    say(f"pictures: {folder}")


def metrics_of(outcome: Outcome, settings: Settings) -> dict[str, Any]:
    """Return what a run found, in terms of JSON."""
    from ..tabular.scores import by_class, calibration, leading

    preparation, held = outcome.data.preparation, outcome.held
    history = training_of(outcome.net).history
    seconds, epochs = sum(history["seconds"]), len(history["seconds"])
    rows = rows_of(outcome)
    found: dict[str, Any] = {
        "task": preparation.task,
        "target": preparation.target,
        "metric": leading(settings.metric, preparation.task).name,
        "epochs": epochs,
        "seconds": seconds,
        "examples_per_second": len(outcome.data.train) * epochs / max(seconds, 1e-9),
    }
    for name, scores in outcome.scores.items():
        found[name] = {"rows": rows[name], **scores}
    if outcome.folds:
        found["spread"], found["folds"] = outcome.spread, outcome.folds
    if preparation.classes:
        arrays = (preparation, held.targets, outcome.outputs, held.weight)
        found["by_class"], found["calibration"] = by_class(*arrays), calibration(*arrays)
    found["importance"] = [one._asdict() for one in outcome.importance]
    return found


def rows_of(outcome: Outcome) -> dict[str, int]:
    """Return how many rows each part of the data has."""
    parts = {name: len(part) for name, part in outcome.data.parts.items()}
    return parts | {"test": len(outcome.held)}


def predictions_of(outcome: Outcome) -> Any:
    """Return the held-out rows with what they are and what was said of them, a DataFrame."""
    from ..tabular import import_pandas

    held, preparation, pandas = outcome.held, outcome.data.preparation, import_pandas()
    examples = held.examples
    index = range(len(held))
    columns: dict[str, Any] = {"row": examples.X.index + 1}
    if examples.id is not None:
        columns[str(examples.id.name)] = examples.id.to_numpy()
    if outcome.places:
        columns["repeat"], columns["fold"] = zip(*outcome.places, strict=True)
    columns["true"] = _truth(preparation, examples.y)
    columns["prediction"] = preparation.predictions(outcome.outputs).to_numpy()
    frame = pandas.DataFrame(columns, index=index)
    if preparation.classes:
        probabilities = preparation.probabilities(outcome.outputs)
        probabilities.columns = [f"probability_{label}" for label in preparation.classes]
        frame = pandas.concat([frame, probabilities.set_axis(index)], axis=1)
    return frame


def save_model(outcome: Outcome, source: Source, settings: Settings, path: Path) -> None:
    """Write the model, with how its data is prepared and what it was tested on."""
    from ..saving import encode

    told = settings.to_json()
    about = {
        "data": {"name": source.name, "rows": len(source.examples), "digest": source.digest},
        # where the data lie is the affair of the run's folder, not of whoever is given the model
        "settings": {name: value for name, value in told.items() if name != "data"},
        "rows": rows_of(outcome),
        "scores": outcome.scores,
        "spread": outcome.spread,
    }
    preparation = outcome.data.preparation.to_json()
    write(path, encode(outcome.net, preparation=preparation, run=about))


def _truth(preparation: Preparation, y: Any) -> Any:
    return (preparation.labels(y) if preparation.classes else y).to_numpy()


def _history(history: dict[str, list[float]]) -> bytes:
    from ..tabular import import_pandas

    rows = len(history["epoch"])
    columns = import_pandas().DataFrame({name: values[:rows] for name, values in history.items()})
    text: str = columns.astype({"epoch": int}).to_csv(index=False)
    return text.encode()
