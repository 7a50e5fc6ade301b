"""What the runs of a base beside a fresh network come to."""

from pathlib import Path
from typing import Any

from bases.acceptance import runs_of, table_of
from bases.few_labels import draw_few_labels, few_labels


def result(name: str, base: str, seed: int, accuracy: float, tfidf: float) -> dict[str, Any]:
    interval = {"accuracy_low": accuracy - 0.125, "accuracy_high": accuracy + 0.125}
    figures = {"accuracy": accuracy, **interval, "baselines": {"tfidf": {"accuracy": tfidf}}}
    run = {"plan": {"epochs": 19.96}, "outcome": {"seconds": 31.4}}
    return {"name": name, "base": base, "seed": seed, "figures": figures, **run}


RESULTS = [
    result("tweets", "small", 0, 0.75, 0.5),
    result("tweets 100", "small", 0, 0.5, 0.375),
    result("tweets 100", "scratch", 0, 0.25, 0.375),
    result("tweets 100", "small", 1, 0.625, 0.25),
    result("tweets 300", "small", 0, 0.75, 0.5),
]


def test_the_table_has_means_and_ranges_and_leaves_blank_what_was_not_run() -> None:
    lines = table_of(RESULTS).splitlines()
    assert lines[2] == "| tweets | accuracy | 0.750 (0.750–0.750) | – | tfidf 0.500 (0.500–0.500) |"
    assert lines[3].startswith("| tweets 100 | accuracy | 0.562 (0.500–0.625) | 0.250 (0.250–0.250) |")
    assert lines[3].endswith("| tfidf 0.312 (0.250–0.375) |")


def test_each_run_is_told_with_its_interval() -> None:
    lines = runs_of(RESULTS).splitlines()
    assert len(lines) == 2 + len(RESULTS)
    assert lines[3] == "| tweets 100 | 0 | scratch | 0.250 [0.125, 0.375] | 20.0 | 31 |"


def test_few_labels_are_gathered_by_rows_and_tf_idf_counts_once_a_seed(tmp_path: Path) -> None:
    found = few_labels(RESULTS)
    assert found == {
        "small": {100: [0.5, 0.625], 300: [0.75]},
        "scratch": {100: [0.25]},
        "TF-IDF": {100: [0.375, 0.25], 300: [0.5]},
    }
    draw_few_labels(found, tmp_path / "curve.svg")
    picture = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    assert all(f">{text}<" in picture for text in ("small", "scratch", "TF-IDF", "100", "300", "accuracy"))
