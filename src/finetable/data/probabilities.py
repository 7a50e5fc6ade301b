"""Scores into probabilities, and the one number that makes such probabilities trustworthy."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]

LOWEST_TEMPERATURE = 0.05
HIGHEST_TEMPERATURE = 20.0

Scores = npt.NDArray[np.floating[Any]]


def softmax(scores: Scores, temperature: float) -> npt.NDArray[np.float64]:
    """Turn scores (N, K), in nats, into probabilities (N, K) whose rows sum to one.

    A score of minus infinity gets the probability zero; each row needs one finite score.
    """
    return np.exp(_log_softmax(scores, temperature))


def fit_temperature(scores: Scores, truth: npt.NDArray[np.integer[Any]]) -> float:
    """Find the temperature at which ``softmax(scores, temperature)`` fits the true classes best.

    Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2):
    scores (N, K) and truth (N,) come from rows that training did not see, and the mean negative
    log-likelihood is minimised over temperatures from 0.05 to 20. It is convex in 1 / temperature,
    so the bounded search on its logarithm cannot stop at a lesser minimum.

    A row whose true class scored minus infinity costs the same at every temperature and is left
    out; the answer is 1 if no row remains.
    """
    assert scores.ndim == 2, "scores are (N, K)"
    assert truth.shape == scores.shape[:1], "one true class per row of scores"
    possible = np.isfinite(scores[np.arange(len(truth)), truth])
    if not possible.any():
        return 1.0
    scores, truth = scores[possible], truth[possible]
    rows = np.arange(len(truth))

    def mean_loss_nats(log_temperature: float) -> float:
        return -float(_log_softmax(scores, float(np.exp(log_temperature)))[rows, truth].mean())

    bounds = (np.log(LOWEST_TEMPERATURE), np.log(HIGHEST_TEMPERATURE))
    return float(np.exp(minimize_scalar(mean_loss_nats, bounds=bounds, method="bounded").x))


def _log_softmax(scores: Scores, temperature: float) -> npt.NDArray[np.float64]:
    assert scores.ndim == 2, "scores are (N, K)"
    assert 0 < temperature < np.inf, "a temperature is positive and finite"
    highest = scores.max(axis=1, keepdims=True, initial=-np.inf)
    assert np.isfinite(highest).all(), "each row needs a finite score, and none may be NaN or infinite"
    # Subtracting first keeps every exponent at or below zero, so that nothing overflows.
    scaled = (scores.astype(np.float64) - highest) / temperature
    log_total = np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return np.asarray(scaled - log_total, dtype=np.float64)
