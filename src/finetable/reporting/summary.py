"""Figures in words: the verdict first, then the numbers with their intervals."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from finetable.data.copies import COPIED_RUN
from finetable.settings import TaskName
from finetable.wording import counted

NAMES = {
    "model": "the model",
    "tfidf": "TF-IDF with logistic regression",
    "majority": "the majority guess",
    "xz": "a compressor that read the training rows (xz)",
}

FEW_ROWS = 30
"""With fewer test rows nothing is said about what is better: chance decides too much."""


@dataclass(frozen=True)
class Rivalry:
    """A model beside the strongest baseline, by name, and that one's figure.

    `outcome` is even where the 95 % interval of their difference on the same rows holds zero, or of bits per
    byte that of the model the compressor's, and open where the rows are too few to tell.
    """

    outcome: Literal["better", "even", "worse", "open"]
    rival: str
    figure: float


def rivalry(figures: dict[str, Any]) -> Rivalry:
    """How a model stands to the strongest baseline on the same rows."""
    rivals = figures["baselines"]
    if figures["task"] == "label":
        name = max(rivals, key=lambda rival: float(rivals[rival]["accuracy"]))
        value, beside = float(rivals[name]["accuracy"]), figures["beside"][name]
        is_better, is_worse = beside["difference_low"] > 0, beside["difference_high"] < 0
    else:
        name, value = "xz", float(rivals["xz"]["bits_per_byte"])
        is_better, is_worse = figures["bits_per_byte_high"] < value, figures["bits_per_byte_low"] > value
    if figures["rows"] < FEW_ROWS:
        return Rivalry("open", name, value)
    return Rivalry("better" if is_better else "worse" if is_worse else "even", name, value)


def summary(figures: dict[str, Any]) -> list[str]:
    """A few lines about a model, the first of which says what is best."""
    return _label_lines(figures) if figures["task"] == "label" else _write_lines(figures)


def _label_lines(figures: dict[str, Any]) -> list[str]:
    rivals = figures["baselines"]
    verdict = _one_label(figures) or _labelling(figures)
    return [
        verdict,
        f"accuracy           {spread(figures, 'accuracy')}   "
        + "   ".join(f"{NAMES[name]} {rivals[name]['accuracy']:.3f}" for name in rivals),
        f"macro-F1           {spread(figures, 'macro_f1')}   "
        + "   ".join(f"{NAMES[name]} {rivals[name]['macro_f1']:.3f}" for name in rivals),
        f"calibration error  {spread(figures, 'calibration_error')}",
    ]


def _write_lines(figures: dict[str, Any]) -> list[str]:
    compressed = figures["baselines"]["xz"]["bits_per_byte"]
    rows = rows_judged(figures)
    copied, real = figures["copied_words_median"], figures["copied_words_median_real"]
    copying = {True: "it copies", False: "no sign of copying", None: "no verdict"}[figures["copying"]]
    kind = "real rows" if figures.get("seen_rows_judged", 0) else "real held-out rows"
    return [
        _copying(figures) if figures["copying"] else _predicting(figures, rows),
        f"bits per byte      {spread(figures, 'bits_per_byte')}   xz {compressed:.3f}",
        f"perplexity         {spread(figures, 'perplexity', 1)}   cross-entropy "
        f"{figures['cross_entropy_nats']:.3f} nats per token",
        f"copied words       median {copied:g} in written rows, {real:g} in {kind}: {copying}",
        f"rows that copy     {spread(figures, 'copied_share')} of written rows, "
        f"{spread(figures, 'copied_share_real')} of {kind}",
    ]


def _copying(figures: dict[str, Any]) -> str:
    """The verdict on a model that copies, which comes before how well it predicts."""
    written, share_real = figures["written_rows"], 100 * figures["copied_share_real"]
    copies = round(figures["copied_share"] * written)
    if figures["copied_share_low"] > figures["copied_share_real_high"]:
        how = (
            f"{copies:,} of {written:,} rows it wrote are one, or hold {COPIED_RUN} or more words in a row "
            f"of one, against {share_real:.0f} % of real rows it never saw"
        )
    else:
        how = (
            f"half of the rows it wrote share {figures['copied_words_median']:g} or more words in a row with "
            f"one, half of the real rows it never saw {figures['copied_words_median_real']:g}"
        )
    return (
        f"The model copies its training rows: {how}. Train it for less time, on more rows, or "
        "with --stop-when-copying."
    )


def early_end(plan: dict[str, Any], outcome: dict[str, Any]) -> str | None:
    """Why a run ended before its last step, in one sentence; None where it did not."""
    if outcome["step"] >= plan["steps"]:
        return None
    limit = plan["stop_when_copying"]
    if limit is not None and outcome["copied_share"] >= limit:
        why = f"{100 * outcome['copied_share']:.0f} % of the texts written then copied training rows"
    else:
        why = f"the validation loss had not improved {plan['patience']} times in a row"
    return (
        f"Training ended after step {outcome['step']:,} of {plan['steps']:,}, because {why}; the weights of "
        f"step {outcome['best_step']:,} are kept."
    )


def rows_judged(figures: dict[str, Any]) -> str:
    """The rows that figures were made from, and whether the model had seen any of them."""
    seen = figures.get("seen_rows_judged", 0)
    if seen:
        return f"{counted(figures['rows'], 'row')}, of which it had learnt from {seen:,},"
    return f"{counted(figures['rows'], 'row')} it never saw"


def _one_label(figures: dict[str, Any]) -> str | None:
    """The verdict on a model that gives every row the same label; None where it does not."""
    named = [sum(column) for column in zip(*figures["confusion"], strict=True)]
    if max(named) < figures["rows"] or figures["accuracy"] == 1:
        return None
    label = figures["labels"][named.index(max(named))]
    return (
        f"The model gives all of {rows_judged(figures)} the same label, {label!r}: it tells nothing apart. "
        "Train it longer, or on more rows."
    )


def _labelling(figures: dict[str, Any]) -> str:
    rows, found = rows_judged(figures), rivalry(figures)
    rival = NAMES[found.rival]
    match found.outcome:
        case "open":
            return f"Too few to tell whether the model is better than {rival}: it was judged on {rows}."
        case "better":
            return f"The model is best on {rows}, clearly before {rival}."
        case "even":
            return f"The model is as good as {rival} on {rows}: their difference is within chance."
        case "worse":
            winner = rival[0].upper() + rival[1:]
            return f"{winner} is better than the model on {rows}: use that instead, or train longer."


def _predicting(figures: dict[str, Any], rows: str) -> str:
    rival = NAMES["xz"]
    match rivalry(figures).outcome:
        case "open":
            return f"Too few to tell whether the model predicts better than {rival}: it was judged on {rows}."
        case "better":
            return f"The model predicts {rows} better than {rival}."
        case "even":
            return f"The model predicts {rows} as well as {rival}: its 95 % interval holds that figure."
        case "worse":
            advice = "train longer, or on more rows"
            return f"A plain compressor (xz) predicts {rows} better than the model: {advice}."


def spread(figures: dict[str, Any], name: str, digits: int = 3) -> str:
    """A figure with its 95 % interval."""
    low, high = figures[f"{name}_low"], figures[f"{name}_high"]
    return f"{figures[name]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def what_next(folder: Path, job: TaskName) -> list[str]:
    """Where a model that was just trained is, and the command that uses it."""
    name = shlex.quote(str(folder))
    command = f"generate {name} -n 10" if job == "write" else f"classify {name} TABLE"
    return [f"The model is in {folder}, its report in {folder / 'report.html'}", f"Next: finetable {command}"]
