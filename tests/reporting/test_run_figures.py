"""Pictures of a run: nothing is lost by smoothing and thinning, and the best step is the best."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from finetable.reporting.figure import Figure
from finetable.reporting.findings import Findings, LabelFindings, RunFindings, Validation
from finetable.reporting.run_figures import (
    MOST_POINTS,
    learning_rate,
    smoothed,
    thinned,
    training_loss,
    validation_perplexity,
)

TextsOf = Callable[[Figure], list[str]]

AT = np.array([100, 200, 300])
RUN = RunFindings(
    steps=np.arange(1, 301),
    seconds=np.arange(30.0, 9_001.0, 30.0),
    loss_nats=np.full(300, 3.0),
    learning_rate=np.linspace(0.001, 0.0, 300),
    validation=Validation(AT, np.array([3_000.0, 6_000.0, 9_000.0]), np.array([3.0, np.log(16.0), 2.9])),
    kept_step=200,
    bytes_per_token=4.0,
)
LABELLER = LabelFindings(("a",), np.array([0]), np.ones((1, 1)), 1.0, [], {})


def drawn(make: Callable[[Findings], Figure | None], run: RunFindings) -> Figure:
    figure = make(Findings(run=run))
    assert figure is not None
    return figure


def test_perplexity_and_bits_per_byte_of_the_kept_step(texts_of: TextsOf) -> None:
    """16 equally likely tokens are 4 bits, over 4 bytes 1 bit per byte."""
    figure = drawn(validation_perplexity, RUN)
    assert {"16.00", "1.00", "perplexity", "bits per byte", "training steps"} <= set(texts_of(figure))
    assert "Weights of step 200 were kept: perplexity 16.000, bits per byte 1.000." in figure.alt


def test_bits_only_where_bytes_are_known(texts_of: TextsOf) -> None:
    assert "bits per byte" not in texts_of(drawn(validation_perplexity, replace(RUN, bytes_per_token=None)))


def test_no_perplexity_of_labels() -> None:
    run = replace(RUN, bytes_per_token=None)
    assert validation_perplexity(Findings(run=run, label=LABELLER)) is None
    assert training_loss(Findings(run=run, label=LABELLER)) is not None


def test_loss_against_steps_and_hours(texts_of: TextsOf) -> None:
    figure = drawn(training_loss, RUN)
    assert {"training steps", "hours of training", "loss in nats per token"} <= set(texts_of(figure))
    assert "in 2.5 hours: smoothed training loss from 3.000 to 3.000 nats" in figure.alt
    assert "3 validations, 2.773 nats at step 200, whose weights are kept." in figure.alt


@pytest.mark.parametrize(("seconds", "unit"), [(100.0, "seconds"), (600.0, "minutes"), (7200.0, "hours")])
def test_time_comes_in_fitting_units(seconds: float, unit: str, texts_of: TextsOf) -> None:
    run = replace(RUN, seconds=np.linspace(0, seconds, 300))
    assert f"{unit} of training" in texts_of(drawn(training_loss, run))


def test_a_run_without_validations(texts_of: TextsOf) -> None:
    nothing = np.array([])
    run = replace(RUN, validation=Validation(nothing.astype(np.int64), nothing, nothing))
    assert "validation" not in texts_of(drawn(training_loss, run))
    assert validation_perplexity(Findings(run=run)) is None


def test_learning_rate_tells_its_peak() -> None:
    assert "reached 0.001 at step 1 and ended at 0" in drawn(learning_rate, RUN).alt


def test_smoothing_is_a_mean_over_a_twentieth() -> None:
    values = np.random.default_rng(0).normal(size=200)
    slow = [values[max(0, k - 5) : k + 5].mean() for k in range(200)]
    np.testing.assert_allclose(smoothed(values), slow)


def test_smoothing_leaves_out_what_is_no_number() -> None:
    values = np.full(200, 2.0)
    values[50:53] = np.nan, np.inf, -np.inf
    np.testing.assert_allclose(smoothed(values), 2.0)
    assert np.isnan(smoothed(np.full(5, np.nan))).all()


def test_thinning_keeps_the_extremes() -> None:
    values = np.random.default_rng(0).normal(size=50_000)
    values[31_234], values[7] = 99.0, -99.0
    kept = thinned(values)
    assert len(kept) <= MOST_POINTS
    assert {7, 31_234} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()
    assert thinned(values[:9]).tolist() == list(range(9))


def test_first_steps_that_would_press_the_rest_flat_go_beyond_the_edge_and_that_is_said(
    texts_of: TextsOf,
) -> None:
    loss = np.concatenate([np.linspace(90, 1, 5), np.full(195, 1.0)])
    long = replace(
        RUN,
        steps=np.arange(1, 201),
        seconds=np.arange(200.0),
        loss_nats=loss,
        learning_rate=np.full(200, 0.1),
        validation=Validation(np.array([100, 200]), np.array([99.0, 199.0]), np.array([1.2, 1.1])),
        kept_step=200,
    )
    cut = drawn(training_loss, long)
    assert "go beyond the upper edge" in cut.caption
    assert "80" not in texts_of(cut)
    whole = drawn(training_loss, replace(long, loss_nats=np.minimum(loss, 2.0)))
    assert "go beyond the upper edge" not in whole.caption
