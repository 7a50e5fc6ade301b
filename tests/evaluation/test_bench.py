"""Contestants on the same rows: the paired difference against a slow reference, and what cannot be told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from finetable.evaluation.bench import ContestantKind, Entry, judge_entries
from finetable.evaluation.metrics import BOOTSTRAP_SEED, RESAMPLES, macro_f1
from finetable.inference.contestant import Labelled

Places = np.ndarray


def entry(name: str, predicted: Places, kind: ContestantKind = "baseline", cost: float | None = 0.0) -> Entry:
    outside = int((predicted < 0).sum())
    return Entry(name, kind, Labelled(predicted.astype(np.int64), None, 2.0, cost, outside))


def random_places(rows: int, classes: int, seed: int) -> Places:
    return np.random.default_rng(seed).integers(classes, size=rows)


def test_a_difference_is_drawn_in_pairs() -> None:
    truth = random_places(200, 3, 0)
    a, b = np.where(np.arange(200) % 4 == 0, (truth + 1) % 3, truth), random_places(200, 3, 2)
    worse = judge_entries(truth, 3, [entry("a", a), entry("b", b)])["contestants"][1]
    random = np.random.default_rng(BOOTSTRAP_SEED)
    differences = []
    for _ in range(RESAMPLES):
        drawn = random.integers(200, size=200)
        differences.append(np.mean(b[drawn] == truth[drawn]) - np.mean(a[drawn] == truth[drawn]))
    assert worse["difference"] == pytest.approx(np.mean(b == truth) - np.mean(a == truth))
    assert worse["difference_low"] == pytest.approx(np.percentile(differences, 2.5))
    assert worse["difference_high"] == pytest.approx(np.percentile(differences, 97.5))
    assert not worse["is_even"]


def test_what_errs_on_the_same_rows_is_told_apart_where_intervals_overlap() -> None:
    truth = np.zeros(300, np.int64)
    better = (np.arange(300) < 100).astype(np.int64)
    worse = (np.arange(300) < 112).astype(np.int64)
    first, second = judge_entries(truth, 2, [entry("a", better), entry("b", worse)])["contestants"]
    assert first["low"] < second["high"]
    assert not second["is_even"]


def test_the_best_is_even_with_itself_and_of_equals_the_first() -> None:
    truth = random_places(50, 2, 0)
    found = judge_entries(truth, 2, [entry("a", truth), entry("b", truth)])
    assert found["best"] == "a"
    assert [of["is_even"] for of in found["contestants"]] == [True, True]
    assert found["contestants"][0]["difference"] == 0


def test_answers_outside_the_list_are_wrong_and_counted() -> None:
    truth = np.array([0, 0, 1, 1])
    of = judge_entries(truth, 2, [entry("a", np.array([0, -1, 1, -1]))])["contestants"][0]
    assert of["accuracy"] == 0.5
    assert of["outside"] == 2
    assert of["macro_f1"] == pytest.approx(2 / 3)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), min_size=1, max_size=60))
def test_macro_f1_with_answers_outside_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    classes = sorted({*truth.tolist(), *predicted.tolist()} - {-1})
    expected = f1_score(truth, predicted, labels=classes, average="macro", zero_division=0)
    assert macro_f1(truth, predicted, 4).value == pytest.approx(expected)


def test_time_and_money_are_those_of_a_thousand_rows() -> None:
    truth = np.zeros(20, np.int64)
    paid, unknown = judge_entries(truth, 2, [entry("a", truth, cost=0.5), entry("b", truth, cost=None)])[
        "contestants"
    ]
    assert paid["rows_per_second"] == 10
    assert paid["cost_per_1000_rows"] == 25
    assert unknown["cost_per_1000_rows"] is None


def test_the_calibration_is_that_of_the_probabilities() -> None:
    truth = np.array([0, 0, 0, 1])
    probabilities = np.tile([0.75, 0.25], (4, 1))
    said = Labelled(np.zeros(4, np.int64), probabilities, 1.0, 0.0, 0)
    of = judge_entries(truth, 2, [Entry("a", "baseline", said)])["contestants"][0]
    assert of["calibration_error"] == pytest.approx(0)
    none = judge_entries(truth, 2, [entry("a", truth)])["contestants"][0]
    assert none["calibration_error"] is None


def test_the_best_fine_tuned_stands_beside_the_best_prompted() -> None:
    truth = random_places(100, 2, 0)
    wrong, half = 1 - truth, np.where(np.arange(100) < 50, truth, 1 - truth)
    entries = [
        entry("tuned", truth, "fine-tuned"),
        entry("worse", wrong, "prompted"),
        entry("better", half, "prompted"),
    ]
    compared = judge_entries(truth, 2, entries)["fine_tuned_less_prompted"]
    assert (compared["fine_tuned"], compared["prompted"]) == ("tuned", "better")
    assert compared["difference"] == pytest.approx(0.5)
    assert judge_entries(truth, 2, entries[1:])["fine_tuned_less_prompted"] is None
