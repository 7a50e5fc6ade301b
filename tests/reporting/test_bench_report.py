"""What is said of a comparison: only what the intervals allow."""

from typing import Any

import pytest

from finetable.reporting.bench_report import bench_lines, bench_page, verdict


def contestant(name: str, accuracy: float, difference: float, even: bool, **more: Any) -> dict[str, Any]:
    kinds = {"model": "fine-tuned", "fewshot": "prompted"}
    return {
        "name": name,
        "kind": kinds.get(name.partition(":")[0], "baseline"),
        "accuracy": accuracy,
        "low": accuracy - 0.05,
        "high": accuracy + 0.05,
        "difference": difference,
        "difference_low": difference - 0.02 * (difference != 0),
        "difference_high": difference + 0.02 * (difference != 0),
        "is_even": even,
        "macro_f1": accuracy,
        "calibration_error": None,
        "rows_per_second": 10.0,
        "cost_per_1000_rows": 0.0,
        "outside": 0,
        "notes": [],
        **more,
    }


def figures(*contestants: dict[str, Any], rows: int = 500, compared: Any = None) -> dict[str, Any]:
    return {
        "task": "label",
        "rows": rows,
        "contestants": list(contestants),
        "fine_tuned_less_prompted": compared,
    }


BEST = contestant("model:a", 0.8, 0.0, True)


def test_one_that_is_clearly_best_is_named_with_the_next() -> None:
    told = verdict(figures(contestant("tfidf", 0.7, -0.1, False), BEST))
    assert told == [
        "model:a is best, clearly: accuracy 0.800 [0.750, 0.850] on 500 rows; "
        "tfidf is next, -0.100 [-0.120, -0.080]."
    ]


def test_of_those_that_cannot_be_told_apart_the_cheapest_is_named() -> None:
    fast = contestant("tfidf", 0.79, -0.01, True, rows_per_second=900.0)
    paid = contestant("fewshot:b", 0.795, -0.005, True, rows_per_second=9000.0, cost_per_1000_rows=2.0)
    (told,) = verdict(figures(BEST, fast, paid))
    assert told.startswith("model:a, fewshot:b and tfidf cannot be told apart")
    assert told.endswith("of these tfidf costs least to run.")


def test_few_rows_tell_nothing_and_one_alone_is_not_best() -> None:
    assert verdict(figures(BEST, rows=12)) == ["Too few to tell who is best: 12 test rows."]
    assert verdict(figures(BEST))[0].endswith("nothing stands beside it.")


def beside_a_baseline(baseline: float, difference: float, even: bool = False) -> str:
    """What is said of a model of accuracy 0.8 and a prompt that is so much worse, beside TF-IDF."""
    compared = {
        "fine_tuned": "model:a",
        "prompted": "fewshot:b",
        "difference": difference,
        "difference_low": difference - 0.01,
        "difference_high": difference + 0.01,
        "is_even": even,
    }
    others = contestant("fewshot:b", 0.8 - difference, 0.0, True), contestant("tfidf", baseline, 0.0, True)
    return verdict(figures(BEST, *others, compared=compared))[1]


def test_whether_fine_tuning_pays_is_said_where_both_were_tried() -> None:
    fine_tuning = "Fine-tuning pays: model:a less fewshot:b is +0.100 [+0.090, +0.110]."
    assert beside_a_baseline(0.5, 0.1) == fine_tuning
    assert beside_a_baseline(0.5, 0.005, even=True).startswith("Fine-tuned or prompted makes no difference")
    assert beside_a_baseline(0.5, -0.1).startswith("A prompt does better")


@pytest.mark.parametrize(("baseline", "difference"), [(0.8, 0.1), (0.9, 0.1), (0.9, -0.1)])
def test_what_a_baseline_does_as_well_pays_nobody(baseline: float, difference: float) -> None:
    told = beside_a_baseline(baseline, difference)
    assert told.startswith("Neither fine-tuning nor a prompt pays: tfidf is as good or better (model:a less ")


def test_the_table_has_the_best_first_and_columns_that_line_up() -> None:
    other = contestant("tfidf", 0.7, -0.1, False, outside=3, notes=["12 examples found no room"])
    _, header, *lines = bench_lines(figures(other, BEST))
    assert [line.split()[0] for line in lines[:2]] == ["model:a", "tfidf"]
    for title in ("beside the best", "macro-F1", "rows/s"):
        assert all(line[header.index(title) - 1] == " " != line[header.index(title)] for line in lines[:2])
    assert lines[2:] == [
        "tfidf: 3 answers outside the list of labels, which count as wrong",
        "tfidf: 12 examples found no room",
    ]


def test_the_page_tells_the_verdict_and_shows_names_as_they_are() -> None:
    html = bench_page(figures(BEST, contestant("fewshot:<b>@k=2", 0.5, -0.3, False)), "films.csv")
    assert "<h1>model:a is best, clearly" in html
    assert "fewshot:&lt;b&gt;@k=2" in html
    assert "<b>@" not in html


def writer(name: str, bits: float, difference: float, even: bool) -> dict[str, Any]:
    return {
        **contestant(name, 0.0, difference, even),
        "bits_per_byte": bits,
        "bits_per_byte_low": bits - 0.05,
        "bits_per_byte_high": bits + 0.05,
        "copied_words_median": 3.0,
        "copied_words_median_real": 4.0,
        "copied_share": 0.01,
        "copied_share_real": 0.02,
        "distinct_2": 0.7,
    }


def written(*contestants: dict[str, Any]) -> dict[str, Any]:
    baselines = {"xz": {"bits_per_byte": 2.3}}
    return {"task": "write", "rows": 400, "contestants": list(contestants), "baselines": baselines}


def test_of_writers_the_fewest_bits_are_best() -> None:
    last, best, next_ = (
        writer("fewshot:x", 2.9, 0.8, False),
        writer("model:a", 2.1, 0.0, True),
        writer("model:b", 2.4, 0.3, False),
    )
    told = bench_lines(written(last, next_, best))
    assert told[0].startswith(
        "model:a is best, clearly: bits per byte 2.100 [2.050, 2.150] on 400 rows; model:b"
    )
    assert told[1].endswith("(xz) has 2.300 bits per byte; clearly better: model:a.")
    assert [line.split()[0] for line in told[3:]] == ["model:a", "model:b", "fewshot:x"]
    assert "Bits per byte" in bench_page(written(last, next_, best), "films.csv")
    assert "no contestant is clearly better" in bench_lines(written(last))[1]
