import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax  # type: ignore[import-untyped]
from scipy.special import softmax as scipy_softmax

from finetable.data.probabilities import fit_temperature, softmax

SCORES = arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 6)),
    elements=st.floats(-1e300, 1e300) | st.floats(-50, 50),
)


@settings(deadline=None)
@given(SCORES, st.floats(0.05, 20))
def test_softmax_gives_probabilities_for_any_finite_scores(scores: np.ndarray, temperature: float) -> None:
    probabilities = softmax(scores, temperature)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


@settings(deadline=None)
@given(arrays(np.float64, (3, 4), elements=st.floats(-50, 50)), st.floats(0.1, 20))
def test_softmax_agrees_with_scipy(scores: np.ndarray, temperature: float) -> None:
    np.testing.assert_allclose(
        softmax(scores, temperature), scipy_softmax(scores / temperature, axis=1), atol=1e-12
    )


def test_softmax_gives_nothing_to_a_score_of_minus_infinity() -> None:
    assert softmax(np.array([[0.0, -np.inf, 0.0]]), 2.0).tolist() == [[0.5, 0.0, 0.5]]


def test_softmax_keeps_the_precision_of_single_precision_scores() -> None:
    scores = np.array([[20_000_000.0, 20_000_002.0]], dtype=np.float32)
    np.testing.assert_allclose(softmax(scores, 1.0), scipy_softmax([[0.0, 2.0]], axis=1), rtol=1e-12)


@pytest.mark.parametrize("row", [[-np.inf, -np.inf], [0.0, np.nan], [0.0, np.inf]])
def test_softmax_refuses_a_row_without_an_order(row: list[float]) -> None:
    with pytest.raises(AssertionError, match="finite score"):
        softmax(np.array([row]), 1.0)


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.inf, np.nan])
def test_softmax_refuses_a_temperature_that_is_none(temperature: float) -> None:
    with pytest.raises(AssertionError, match="temperature"):
        softmax(np.zeros((1, 2)), temperature)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_fit_finds_the_temperature_that_the_classes_were_drawn_with(temperature: float) -> None:
    random = np.random.default_rng(5)
    scores = random.normal(size=(20_000, 4)) * 3
    probabilities = scipy_softmax(scores / temperature, axis=1)
    truth = (random.random((20_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(scores, truth) == pytest.approx(temperature, rel=0.05)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_fit_is_as_good_as_a_search_over_a_grid(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.normal(size=(30, 3)) * random.choice([0.1, 1, 10])
    truth = random.integers(3, size=30)

    def loss(temperature: float) -> float:
        return -float(log_softmax(scores / temperature, axis=1)[np.arange(30), truth].mean())

    best_on_grid = min(loss(temperature) for temperature in np.geomspace(0.05, 20, 60))
    fitted = fit_temperature(scores, truth)
    assert 0.05 <= fitted <= 20
    assert loss(fitted) <= best_on_grid * (1 + 1e-5)


def test_fit_goes_to_its_bounds_and_no_further() -> None:
    scores = np.array([[0.5, 0.0], [0.0, 0.5]])
    assert fit_temperature(scores, np.array([0, 1])) == pytest.approx(0.05, rel=1e-3)
    assert fit_temperature(scores, np.array([1, 0])) == pytest.approx(20, rel=1e-3)


def test_fit_leaves_out_rows_that_cost_the_same_at_every_temperature() -> None:
    random = np.random.default_rng(1)
    scores, truth = random.normal(size=(50, 3)), random.integers(3, size=50)
    with_impossible = np.vstack([scores, [[-np.inf, 0.0, 1.0]]])
    assert fit_temperature(with_impossible, np.append(truth, 0)) == fit_temperature(scores, truth)
    assert fit_temperature(with_impossible[-1:], np.array([0])) == 1.0
