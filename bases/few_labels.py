"""How accurate labels are by the rows that were learnt from: the base, a fresh network, TF-IDF."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

LINES = {"small": ("#0072b2", "-", "o"), "scratch": ("#d55e00", "--", "s"), "TF-IDF": ("#009e73", ":", "^")}


def few_labels(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, list[float]]]:
    """Accuracies of each contestant by rows learnt from, one for each seed; of jobs named `tweets ROWS`."""
    found: dict[str, dict[int, list[float]]] = {name: {} for name in LINES}
    for result in results:
        rows = result["name"].partition(" ")[2]
        if not rows:
            continue
        figures = result["figures"]
        found[result["base"]].setdefault(int(rows), []).append(figures["accuracy"])
        if result["base"] == "small":
            found["TF-IDF"].setdefault(int(rows), []).append(figures["baselines"]["tfidf"]["accuracy"])
    return found


def draw_few_labels(found: Mapping[str, Mapping[int, Sequence[float]]], out: Path) -> None:
    """The means over the seeds as lines, least and greatest as bars, as an SVG picture."""
    with mpl.rc_context({"svg.hashsalt": "few labels", "svg.fonttype": "none", "font.size": 10}):
        figure = Figure(figsize=(6.4, 3.4), layout="constrained", facecolor="white")
        axes = figure.subplots()
        for name, by_rows in found.items():
            colour, line, marker = LINES[name]
            rows = np.array(sorted(by_rows))
            values = [np.array(by_rows[each]) for each in rows]
            means = np.array([each.mean() for each in values])
            spread = np.array([(each.mean() - each.min(), each.max() - each.mean()) for each in values]).T
            axes.errorbar(
                rows, means, spread, label=name, color=colour, linestyle=line, marker=marker, capsize=4
            )
        axes.set_xscale("log")
        axes.set_xticks(rows, [f"{each:,}" for each in rows], minor=False)
        axes.minorticks_off()
        axes.set(xlabel="labelled rows", ylabel="accuracy")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(out, metadata={"Date": None})
