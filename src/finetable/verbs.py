"""The verbs of the command line as Python functions, with the same words for the options."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from finetable.bench_settings import BenchSettings
from finetable.data.profile import Profile
from finetable.progress import Progress, Silent
from finetable.remote.prepare import Prepared, prepare_table
from finetable.settings import Recipe
from finetable.verb_settings import (
    ClassifySettings,
    EvaluateSettings,
    GenerateSettings,
    PrepareSettings,
    ProfileSettings,
    WatchSettings,
)
from finetable.workflow.bench import bench_table
from finetable.workflow.classify import classify_table
from finetable.workflow.evaluate import evaluate_model
from finetable.workflow.generate import generate_rows
from finetable.workflow.job import Trained
from finetable.workflow.opened import OpenModel
from finetable.workflow.opened import open_model as open_folder
from finetable.workflow.profile import profile_of
from finetable.workflow.report import compare_runs, report_run
from finetable.workflow.train import train_table


def train(table: str | Path, *, out: str | Path, progress: Progress | None = None, **options: Any) -> Trained:
    """Train on a table into the folder `out`; options as `finetable train` has them, `learning_rate` for
    `--learning-rate`.

    Raises finetable.errors.UserError for anything that can be mended.
    """
    watched = {name: options.pop(name) for name in WatchSettings().flat() if name in options}
    recipe, watch = Recipe.of(**options), WatchSettings.of(**watched)
    return train_table(str(table), Path(out), recipe, watch, progress or Silent())


def generate(
    folder: str | Path, *, out: str | Path | None = None, progress: Progress | None = None, **options: Any
) -> pa.Table:
    """Write new rows; options as `finetable generate` has them."""
    settings = GenerateSettings.of(**options)
    return generate_rows(Path(folder), _path(out), settings, progress or Silent())


def classify(
    folder: str | Path,
    table: str | Path,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> pa.Table:
    """Label every row of a table; options as `finetable classify` has them."""
    settings = ClassifySettings.of(**options)
    return classify_table(Path(folder), str(table), _path(out), settings, progress or Silent())


def evaluate(
    folder: str | Path, table: str | Path | None = None, *, progress: Progress | None = None, **options: Any
) -> dict[str, Any]:
    """Figures of a model, with the keys that `finetable evaluate --json` prints."""
    settings = EvaluateSettings.of(**options)
    judged_on = None if table is None else str(table)
    return evaluate_model(Path(folder), judged_on, settings, progress or Silent())


def profile(
    table: str | Path, *, out: str | Path | None = None, progress: Progress | None = None, **options: Any
) -> Profile:
    """Look at a table before training; options as `finetable profile` has them."""
    settings = ProfileSettings.of(**options)
    return profile_of(str(table), _path(out), settings, progress or Silent())


def prepare(
    table: str | Path, *, out: str | Path, progress: Progress | None = None, **options: Any
) -> Prepared:
    """Make a training file for an API from a table; options as `finetable prepare` has them."""
    return prepare_table(str(table), Path(out), PrepareSettings.of(**options), progress or Silent())


def report(folder: str | Path, *, out: str | Path | None = None, progress: Progress | None = None) -> Path:
    """Write the report of a model to `out`, or anew into its folder; the file."""
    return report_run(Path(folder), _path(out), progress or Silent())


def compare(
    *folders: str | Path, out: str | Path | None = None, progress: Progress | None = None
) -> list[str]:
    """Put models side by side: the verdict, then a line for each; with `out` also a page."""
    return compare_runs([Path(folder) for folder in folders], _path(out), progress or Silent())


def bench(
    table: str | Path, *, out: str | Path | None = None, progress: Progress | None = None, **options: Any
) -> dict[str, Any]:
    """Compare contestants on the same rows, with the keys that `finetable bench --json` prints."""
    settings = BenchSettings.of(**options)
    return bench_table(str(table), _path(out), settings, progress or Silent())


def open_model(folder: str | Path) -> OpenModel:
    """Open a model folder for use; raises finetable.errors.ModelFolderError."""
    return open_folder(folder)


def _path(out: str | Path | None) -> Path | None:
    return None if out is None else Path(out)
