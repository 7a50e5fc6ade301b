"""Figures in words: the verdict first, then the numbers with their intervals."""

from typing import Any

NAMES = {"model": "the model", "tfidf": "TF-IDF with logistic regression", "majority": "the majority guess"}


def summary(figures: dict[str, Any]) -> list[str]:
    """A few lines about a model, the first of which says what is best."""
    return _label_lines(figures) if figures["task"] == "label" else _write_lines(figures)


def _label_lines(figures: dict[str, Any]) -> list[str]:
    rows, best = f"{figures['rows']:,} rows it never saw", figures["best"]
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
    rows = f"{figures['rows']:,} rows it never saw"
    copied, real = figures["copied_words_median"], figures["copied_words_median_real"]
    copying = "it copies" if figures["copying"] else "no sign of copying"
    return [
        _copying(figures) if figures["copying"] else _predicting(figures, rows),
        f"bits per byte      {spread(figures, 'bits_per_byte')}   xz {compressed:.3f}",
        f"perplexity         {spread(figures, 'perplexity', 1)}   cross-entropy "
        f"{figures['cross_entropy_nats']:.3f} nats per token",
        f"copied words       median {copied:g} in written rows, {real:g} in real held-out rows: {copying}",
        f"rows that copy     {spread(figures, 'copied_share')} of written rows, "
        f"{spread(figures, 'copied_share_real')} of real held-out rows",
    ]


def _copying(figures: dict[str, Any]) -> str:
    """The verdict on a model that copies, which comes before how well it predicts."""
    written = figures["written_rows"]
    copies = round(figures["copied_share"] * written)
    return (
        f"The model copies its training rows: {copies:,} of {written:,} rows it wrote are one, or hold 12 or "
        f"more words in a row of one, against {100 * figures['copied_share_real']:.0f} % of real rows it "
        f"never saw. Train it for less time, on more rows, or with --stop-when-copying."
    )


def _predicting(figures: dict[str, Any], rows: str) -> str:
    if figures["best"] == "model":
        return f"The model predicts {rows} better than a compressor that read the training rows (xz)."
    return f"A plain compressor (xz) predicts {rows} better than the model: train longer, or on more rows."


def spread(figures: dict[str, Any], name: str, digits: int = 3) -> str:
    """A figure with its 95 % interval."""
    low, high = figures[f"{name}_low"], figures[f"{name}_high"]
    return f"{figures[name]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
