"""Pictures of a training run: loss, learning rate, and how well validation rows were predicted."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from finetable.reporting.figure import (
    INK,
    LINES,
    SERIES,
    Figure,
    Look,
    Wording,
    draw_figure,
    legend,
    thousands,
    whole_numbers,
)
from finetable.reporting.findings import Findings, RunFindings
from finetable.wording import counted

Floats = NDArray[np.float64]

SMOOTHED_OVER = 20
"""The smooth line shows means over this part of all steps: one in twenty."""

MOST_POINTS = 400
"""Of a line. More cannot be told apart on so few pixels; the least and the greatest of each stretch stay."""

_TIMES = ((7200.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


def training_loss(findings: Findings) -> Figure | None:
    """Training and validation loss against steps and against time."""
    run = findings.run
    if run is None or not len(run.steps):
        return None
    size, unit = _time_unit(float(run.seconds[-1]))
    smooth = smoothed(run.loss_nats)
    wording = Wording(
        "How the loss fell",
        "Cross-entropy in nats per token of the answers, less is better: thin, each training step; thick, "
        f"the mean over {counted(_window(len(run.steps)), 'step')}; dashed, validation rows; star, "
        f"the one of the weights that were kept. On the left against steps, on the right against {unit} of "
        f"training.{' The first steps go beyond the upper edge.' if _upper_edge(run) else ''}",
        f"{counted(len(run.steps), 'training step')} in {run.seconds[-1] / size:,.1f} {unit}: smoothed "
        f"training loss from {smooth[0]:.3f} to {smooth[-1]:.3f} nats. {_validation_told(run)}",
    )
    return draw_figure("training-loss", "training", wording, 300, partial(_paint_loss, run))


def learning_rate(findings: Findings) -> Figure | None:
    """The learning rate of each step."""
    run = findings.run
    if run is None or not len(run.steps):
        return None
    wording = Wording(
        "The learning rate",
        f"Learning rate (up) of each training step (across), {counted(len(run.steps), 'step')} in all.",
        f"It reached {run.learning_rate.max():.3g} at step "
        f"{run.steps[run.learning_rate.argmax()]:,} and ended at {run.learning_rate[-1]:.3g}.",
    )
    return draw_figure("learning-rate", "training", wording, 200, partial(_paint_learning_rate, run))


def validation_perplexity(findings: Findings) -> Figure | None:
    """Perplexity and bits per byte of the validation rows, for texts; a label's mean nothing."""
    run = findings.run
    if run is None or not len(run.validation.steps):
        return None
    if run.bytes_per_token is None and findings.label is not None:
        return None
    measures = _measures(run)
    kept = _kept(run)
    wording = Wording(
        "How well unseen texts are predicted",
        f"{counted(len(run.validation.steps), 'validation')} (across, in training steps); less is better. "
        "Perplexity: among how many equally likely tokens the model wavers, on average. "
        + ("Bits per byte: comparable whatever the tokens. " if len(measures) > 1 else "")
        + "The star marks the step whose weights were kept.",
        f"{counted(len(run.validation.steps), 'validation')}. Weights of step {run.kept_step:,} were kept: "
        + ", ".join(f"{name} {values[kept]:,.3f}" for name, values in measures)
        + ".",
    )
    paint = partial(_paint_perplexity, run, measures)
    return draw_figure("validation-perplexity", "training", wording, 260, paint)


def smoothed(values: Floats) -> Floats:
    """Means (S,) over a window of one in SMOOTHED_OVER steps around each; what is not finite is left out."""
    window = np.ones(min(_window(len(values)), len(values)))
    finite = np.isfinite(values)
    sums = np.convolve(np.where(finite, values, 0.0), window, mode="same")
    counts = np.convolve(finite.astype(np.float64), window, mode="same").round()
    means = np.full(len(values), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def thinned(values: Floats) -> NDArray[np.int64]:
    """Positions of at most MOST_POINTS values: the least and the greatest of each stretch, in their order."""
    if len(values) <= MOST_POINTS:
        return np.arange(len(values))
    stretches = np.array_split(np.arange(len(values)), MOST_POINTS // 2)
    known = np.nan_to_num(values, nan=0.0)
    ends = {int(part[pick(known[part])]) for part in stretches for pick in (np.argmin, np.argmax)}
    return np.array(sorted(ends))


def _window(steps: int) -> int:
    return max(1, steps // SMOOTHED_OVER)


def _time_unit(seconds: float) -> tuple[float, str]:
    return next((size, unit) for least, size, unit in _TIMES if seconds >= least)


def _kept(run: RunFindings) -> int:
    """Position of the validation of the weights that were kept."""
    at_kept = np.flatnonzero(run.validation.steps == run.kept_step)
    return int(at_kept[0]) if len(at_kept) else int(np.nan_to_num(run.validation.nats, nan=np.inf).argmin())


def _measures(run: RunFindings) -> list[tuple[str, Floats]]:
    nats = run.validation.nats
    measures = [("perplexity", np.exp(np.minimum(nats, 700.0)))]
    if run.bytes_per_token is not None:
        measures.append(("bits per byte", nats / np.log(2) / run.bytes_per_token))
    return measures


def _validation_told(run: RunFindings) -> str:
    if not len(run.validation.steps):
        return "No validations."
    nats = run.validation.nats[_kept(run)]
    times = counted(len(run.validation.steps), "validation")
    return f"{times}, {nats:.3f} nats at step {run.kept_step:,}, whose weights are kept."


def _paint_loss(run: RunFindings, canvas: Canvas) -> None:
    size, unit = _time_unit(float(run.seconds[-1]))
    by_step, by_time = canvas.subplots(1, 2, sharey=True)
    validation = run.validation
    lines = _paint_losses(by_step, run, run.steps.astype(np.float64), validation.steps.astype(np.float64))
    _paint_losses(by_time, run, run.seconds / size, validation.seconds / size)
    by_step.set(xlabel="training steps", ylabel="loss in nats per token")
    by_time.set(xlabel=f"{unit} of training")
    for axis in (by_time.xaxis, by_step.yaxis):
        thousands(axis)
    whole_numbers(by_step.xaxis, 5)
    by_time.xaxis.set_major_locator(MaxNLocator(nbins=5))
    edge = _upper_edge(run)
    if edge is not None:
        by_step.set_ylim(0, edge)
    names = ["each step", "smoothed", "validation", "kept"]
    legend(canvas, lines, names[: len(lines)])


def _upper_edge(run: RunFindings) -> float | None:
    """What the axis of losses ends at where the first steps would press the rest flat; None where not.

    Half as much again as anything after the first of SMOOTHED_OVER parts of the steps.
    """
    later = run.loss_nats[len(run.loss_nats) // SMOOTHED_OVER :]
    shown = np.concatenate([later, run.validation.nats])
    shown = shown[np.isfinite(shown)]
    edge = 1.5 * float(shown.max(initial=0.0))
    highest = float(run.loss_nats[np.isfinite(run.loss_nats)].max(initial=0.0))
    return edge if 0.0 < 2 * edge < highest else None


def _paint_losses(axes: Axes, run: RunFindings, across: Floats, validated: Floats) -> list[Artist]:
    raw, smooth = run.loss_nats, smoothed(run.loss_nats)
    lines: list[Artist] = []
    marker = "." if len(across) == 1 else ""
    for values, width, alpha in ((raw, 0.8, 0.5), (smooth, 2.2, 1.0)):
        kept = thinned(values)
        look: Look = {"linewidth": width, "alpha": alpha, "color": SERIES[0], "marker": marker}
        lines += axes.plot(across[kept], values[kept], **look)
    if len(validated):
        lines += _paint_validations(axes, validated, run.validation.nats, _kept(run), SERIES[1])
    return lines


def _paint_validations(axes: Axes, across: Floats, values: Floats, kept: int, colour: str) -> list[Artist]:
    shown = thinned(values)
    marker = "o" if len(shown) <= 60 else ""
    lines: list[Artist] = list(
        axes.plot(across[shown], values[shown], LINES[1], color=colour, marker=marker, markersize=5)
    )
    star: Look = {"marker": "*", "markersize": 14, "color": INK, "linestyle": "none"}
    return [*lines, *axes.plot(across[[kept]], values[[kept]], **star)]


def _paint_learning_rate(run: RunFindings, canvas: Canvas) -> None:
    axes = canvas.subplots()
    kept = thinned(run.learning_rate)
    marker = "." if len(run.steps) == 1 else ""
    axes.plot(run.steps[kept], run.learning_rate[kept], color=SERIES[0], marker=marker)
    axes.set(xlabel="training steps", ylabel="learning rate")
    axes.set_ylim(bottom=0)
    whole_numbers(axes.xaxis, 8)


def _paint_perplexity(run: RunFindings, measures: Sequence[tuple[str, Floats]], canvas: Canvas) -> None:
    panels = canvas.subplots(1, len(measures), squeeze=False)[0]
    across, kept = run.validation.steps.astype(np.float64), _kept(run)
    for axes, (name, values), colour in zip(panels, measures, SERIES, strict=False):
        _paint_validations(axes, across, values, kept, colour)
        axes.annotate(
            f"{values[kept]:,.2f}",
            (across[kept], values[kept]),
            (0, 12),
            textcoords="offset points",
            ha="center",
        )
        axes.margins(x=0.1, y=0.15)
        axes.set(xlabel="training steps", ylabel=name)
        whole_numbers(axes.xaxis, 5)
        thousands(axes.yaxis)
