"""Figures in words: the verdict first, then the numbers with their intervals."""

from typing import Any

from finetable.data.copies import COPIED_RUN
from finetable.wording import counted

NAMES = {"model": "the model", "tfidf": "TF-IDF with logistic regression", "majority": "the majority guess"}


def summary(figures: dict[str, Any]) -> list[str]:
    """A few lines about a model, the first of which says what is best."""
    return _label_lines(figures) if figures["task"] == "label" else _write_lines(figures)


def _label_lines(figures: dict[str, Any]) -> list[str]:
    rows, best = rows_judged(figures), figures["best"]
    rivals = figures["baselines"]
    strongest = max(rivals, key=lambda name: float(rivals[name]["accuracy"]))
    if best == "model":
        margin = "clearly" if figures["accuracy_low"] > rivals[strongest]["accuracy"] else "narrowly"
        verdict = f"The model is best on {rows}, {margin} before {NAMES[strongest]}."
    else:
        winner = NAMES[best][0].upper() + NAMES[best][1:]
        verdict = f"{winner} is better than the model on {rows}: use that instead, or train longer."
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


def _predicting(figures: dict[str, Any], rows: str) -> str:
    if figures["best"] == "model":
        return f"The model predicts {rows} better than a compressor that read the training rows (xz)."
    return f"A plain compressor (xz) predicts {rows} better than the model: train longer, or on more rows."


def spread(figures: dict[str, Any], name: str, digits: int = 3) -> str:
    """A figure with its 95 % interval."""
    low, high = figures[f"{name}_low"], figures[f"{name}_high"]
    return f"{figures[name]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
