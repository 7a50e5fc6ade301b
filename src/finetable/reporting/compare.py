"""Runs side by side: where their recipes differ, and what came out."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.figure import Figure as Canvas

from finetable.model_folder import ModelFolder, Record
from finetable.reporting.figure import LINES, SERIES, Figure, Wording, cut, draw_figure, legend, whole_numbers
from finetable.reporting.findings import RunFindings
from finetable.reporting.gather import run_findings
from finetable.reporting.page import Grid, Page, Section, render
from finetable.reporting.summary import FEW_ROWS, NAMES, rivalry, spread, summary
from finetable.settings import TaskName
from finetable.wording import counted

JUDGED_BY: dict[TaskName, tuple[tuple[str, str, int, bool], ...]] = {
    "label": (
        ("Accuracy", "accuracy", 3, True),
        ("Macro-F1", "macro_f1", 3, True),
        ("Calibration error", "calibration_error", 3, False),
    ),
    "write": (
        ("Bits per byte", "bits_per_byte", 3, False),
        ("Perplexity", "perplexity", 1, False),
        ("Rows that copy", "copied_share", 3, False),
    ),
}
"""Name, key of the figures, digits, and whether more is better; the first decides which run is best."""

MOST_DRAWN = len(SERIES) * len(LINES)


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run by the name of its folder; `test_rows` are the ids of the rows it was judged on."""

    name: str
    record: Record
    found: RunFindings
    test_rows: tuple[int, ...]


def read_run(folder: ModelFolder) -> Run:
    """A finished run; raises ModelFolderError for one that is not."""
    record = folder.read_finished()
    found = run_findings(folder, record, folder.read_details())
    test_rows = tuple(folder.read_rows().of("test").row_ids.tolist())
    return Run(str(folder.path), record, found, test_rows)


def compare_lines(runs: list[Run]) -> list[str]:
    """The verdict, then a line for each run, and for each baseline where all had the same."""
    title, key, digits, _ = JUDGED_BY[runs[0].record.recipe.task.name][0]
    told = {run.name: spread(run.record.figures, key) for run in runs}
    for name, figures in _shared_baselines(runs).items():
        told[NAMES[name]] = f"{figures[key]:.{digits}f}"
    width = max(map(len, told))
    return [verdict(runs), *(f"{name:<{width}}  {title.lower()} {figure}" for name, figure in told.items())]


def _shared_baselines(runs: list[Run]) -> dict[str, dict[str, float]]:
    """Baselines with the same figures for all runs; one that was given other columns has others."""
    first = runs[0].record.figures["baselines"]
    others = [run.record.figures["baselines"] for run in runs[1:]]
    return {name: found for name, found in first.items() if all(other[name] == found for other in others)}


def compare_page(runs: list[Run]) -> str:
    """One HTML page about several runs."""
    names = tuple(run.name for run in runs)
    numbers = frozenset(range(1, len(runs) + 1))
    figures = [
        (title, *(spread(run.record.figures, key, digits) for run in runs))
        for title, key, digits, _ in JUDGED_BY[runs[0].record.recipe.task.name]
    ]
    measured = [
        ("Parameters", *(f"{run.record.parameters:,}" for run in runs)),
        ("Training steps", *(f"{int(run.found.steps[-1]):,}" for run in runs)),
        ("Seconds of steps", *(f"{run.found.seconds[-1]:,.0f}" for run in runs)),
    ]
    sections = [
        Section(
            "figures",
            "Figures",
            "On the test rows of each; brackets are 95 % intervals.",
            figures=[_validation_figure(runs[:MOST_DRAWN])],
            grids=[Grid("What came out", "", ("", *names), [*figures, *measured], numbers)],
        ),
        Section("recipes", "Where the recipes differ", grids=_differences(runs, names)),
        Section("verdicts", "Each by itself", grids=[_verdicts(runs)]),
    ]
    about = f"{len(runs)} runs on {', '.join(sorted({run.record.table_name for run in runs}))}."
    return render(Page("finetable: runs compared", verdict(runs), about, (), sections))


def verdict(runs: list[Run]) -> str:
    """Which run is best, whether that can be said at all, and how it stands to the baselines."""
    title, key, _, more_is_better = JUDGED_BY[runs[0].record.recipe.task.name][0]
    if not share_test_rows(runs):
        return "These runs cannot be ranked: they were not judged on the same test rows."
    rows = runs[0].record.figures["rows"]
    if rows < FEW_ROWS:
        return f"These runs cannot be ranked: {counted(rows, 'test row')} are too few to tell."
    order = sorted(runs, key=lambda run: float(run.record.figures[key]), reverse=more_is_better)
    best = order[0].record.figures

    def can_be_told_from_best(figures: dict[str, Any]) -> bool:
        if more_is_better:
            return bool(figures[f"{key}_high"] < best[f"{key}_low"])
        return bool(figures[f"{key}_low"] > best[f"{key}_high"])

    even = [run.name for run in order if not can_be_told_from_best(run.record.figures)]
    first = f"{title.lower()} {spread(best, key)}"
    if len(even) == 1:
        return f"Best is {order[0].name}, clearly: {first}. {_beside_baseline(order[0])}"
    return (
        f"As good as each other are {', '.join(even[:-1])} and {even[-1]}: their 95 % intervals overlap; "
        f"{order[0].name} has {first}. {_beside_baseline(order[0])}"
    )


def _beside_baseline(run: Run) -> str:
    found = rivalry(run.record.figures)
    rival = f"{NAMES[found.rival]}: {found.figure:.3f}"
    match found.outcome:
        case "better":
            return f"It is better than {rival}."
        case "worse":
            return f"It is worse than {rival}."
        case "even" | "open":
            return f"It cannot be told from {rival}."


def share_test_rows(runs: list[Run]) -> bool:
    """Whether all were judged on the same rows of the same table."""
    return (
        len({(run.record.table_fingerprint, run.record.recipe.task.target, run.test_rows) for run in runs})
        == 1
    )


def _differences(runs: list[Run], names: tuple[str, ...]) -> list[Grid]:
    options: list[dict[str, Any]] = [{**run.record.recipe.flat(), **run.record.plan} for run in runs]
    rows = []
    for name in options[0]:
        values = [option.get(name) for option in options]
        if any(value != values[0] for value in values):
            rows.append((name.replace("_", " "), *("" if value is None else str(value) for value in values)))
    return [Grid("Options and plan", "", ("", *names), rows)] if rows else []


def _verdicts(runs: list[Run]) -> Grid:
    return Grid(
        "Verdicts", "", ("Run", "Verdict"), [(run.name, summary(run.record.figures)[0]) for run in runs]
    )


def _validation_figure(runs: list[Run]) -> Figure:
    wording = Wording(
        "Validation loss",
        "Cross-entropy of the validation rows in nats per token (up), less is better, against training steps "
        "(across). Tokens of different tokenizers are not the same: then compare bits per byte.",
        "; ".join(f"{run.name}: at best {run.found.validation.nats.min():.3f} nats" for run in runs),
    )
    return draw_figure("compare-validation", "training", wording, 320, partial(_paint, runs))


def _paint(runs: list[Run], canvas: Canvas) -> None:
    axes = canvas.subplots()
    drawn = []
    for place, run in enumerate(runs):
        (line,) = axes.plot(
            run.found.validation.steps,
            run.found.validation.nats,
            color=SERIES[place % len(SERIES)],
            linestyle=LINES[place // len(SERIES) % len(LINES)],
            marker="o",
            markersize=3,
        )
        drawn.append(line)
    axes.set_xlabel("training step")
    axes.set_ylabel("nats per token")
    whole_numbers(axes.xaxis, 6)
    legend(canvas, drawn, [cut(run.name, 24) for run in runs])
