"""The verdict comes first and says which is best, also when that is not the model."""

from typing import Any

from finetable.reporting.summary import early_end, summary


def label_figures(accuracy: float, low: float, tfidf: float, rows: int = 1200) -> dict[str, Any]:
    spread = {"value": 0.5, "low": 0.4, "high": 0.6}
    figures: dict[str, Any] = {"task": "label", "rows": rows}
    for name in ("macro_f1", "calibration_error"):
        figures |= {name: spread["value"], f"{name}_low": spread["low"], f"{name}_high": spread["high"]}
    rivals = {"majority": 0.2, "tfidf": tfidf}
    return figures | {
        "accuracy": accuracy,
        "accuracy_low": low,
        "accuracy_high": 2 * accuracy - low,
        "best": "model" if accuracy >= tfidf else "tfidf",
        "baselines": {
            name: {
                "accuracy": value,
                "accuracy_low": value - 0.02,
                "accuracy_high": value + 0.02,
                "macro_f1": value,
            }
            for name, value in rivals.items()
        },
        "beside": {
            name: {
                "difference": accuracy - value,
                "difference_low": accuracy - value - 0.03,
                "difference_high": accuracy - value + 0.03,
            }
            for name, value in rivals.items()
        },
        "labels": ["crime", "love"],
        "confusion": [[rows - 9, 1], [4, 4]],
    }


def test_label_verdicts() -> None:
    assert summary(label_figures(0.8, 0.75, 0.7))[0] == (
        "The model is best on 1,200 rows it never saw, clearly before TF-IDF with logistic regression."
    )
    for accuracy in (0.71, 0.69):
        assert summary(label_figures(accuracy, accuracy - 0.02, 0.7))[0] == (
            "The model is as good as TF-IDF with logistic regression on 1,200 rows it never saw: "
            "their difference is within chance."
        )
    assert summary(label_figures(0.6, 0.55, 0.7))[0].startswith("TF-IDF with logistic regression is better")


def test_few_rows_give_no_verdict() -> None:
    told = summary(label_figures(0.9, 0.8, 0.5, rows=29))[0]
    assert told.startswith("Too few to tell")
    assert "29 rows" in told
    assert summary(label_figures(0.9, 0.8, 0.5, rows=30))[0].startswith("The model is best")
    assert summary(write_figures(2.0, 2.5, 3) | {"rows": 29})[0].startswith("Too few to tell")


def test_one_label_for_every_row_is_said_before_anything_else() -> None:
    figures = label_figures(0.6, 0.55, 0.7, rows=10) | {"confusion": [[0, 4], [0, 6]]}
    assert summary(figures)[0].startswith(
        "The model gives all of 10 rows it never saw the same label, 'love'"
    )
    right = figures | {"confusion": [[0, 0], [0, 10]], "accuracy": 1.0}
    assert "same label" not in summary(right)[0]


def write_figures(bits: float, xz: float, copied: float) -> dict[str, Any]:
    figures: dict[str, Any] = {"task": "write", "rows": 50, "best": "model" if bits <= xz else "xz"}
    for name, value in (("bits_per_byte", bits), ("perplexity", 30.0), ("cross_entropy_nats", 3.4)):
        figures |= {name: value, f"{name}_low": value, f"{name}_high": value}
    return figures | {
        "copying": copied >= 8,
        "written_rows": 100,
        "copied_share": 0.83 if copied >= 8 else 0.0,
        "copied_share_low": 0.7 if copied >= 8 else 0.0,
        "copied_share_high": 0.9,
        "copied_share_real": 0.02,
        "copied_share_real_low": 0.0,
        "copied_share_real_high": 0.05,
        "copied_words_median": copied,
        "copied_words_median_real": 3,
        "baselines": {"xz": {"bits_per_byte": xz}},
    }


def test_write_verdicts() -> None:
    assert summary(write_figures(2.0, 2.5, 3))[0].startswith("The model predicts")
    assert summary(write_figures(2.6, 2.5, 3))[0].startswith("A plain compressor")
    even = write_figures(2.6, 2.5, 3) | {"bits_per_byte_low": 2.4}
    assert summary(even)[0].startswith("The model predicts 50 rows it never saw as well as a compressor")
    assert "no sign of copying" in summary(write_figures(2.0, 2.5, 3))[-2]


def test_copying_is_said_before_anything_else() -> None:
    for bits in (2.0, 2.6):
        lines = summary(write_figures(bits, 2.5, 15))
        assert lines[0].startswith("The model copies its training rows: 83 of 100 rows it wrote")
        assert "against 2 % of real rows" in lines[0]
        assert "it copies" in lines[-2]


def test_a_model_that_copies_by_its_median_is_told_so_without_a_share_of_none() -> None:
    figures = write_figures(2.0, 2.5, 8) | {"copied_share": 0.0, "copied_share_low": 0.0}
    assert summary(figures)[0].startswith(
        "The model copies its training rows: half of the rows it wrote share 8 or more words in a row with "
        "one, half of the real rows it never saw 3."
    )


def test_rows_learnt_from_are_never_called_unseen() -> None:
    seen = {"seen_rows_judged": 30}
    for figures in (
        label_figures(0.8, 0.75, 0.7) | seen,
        write_figures(2.0, 2.5, 3) | seen | {"copying": None},
    ):
        told = "\n".join(summary(figures))
        assert "of which it had learnt from 30" in told
        assert "never saw" not in told
        assert "held-out" not in told
        assert "no sign of copying" not in told


def test_why_a_run_ended_early() -> None:
    plan = {"steps": 1000, "patience": 5, "stop_when_copying": 0.1}
    ended = {"step": 1000, "best_step": 950, "copied_share": 0.0}
    assert early_end(plan, ended) is None
    stale = early_end(plan, ended | {"step": 400, "best_step": 150})
    assert stale is not None
    assert "after step 400 of 1,000" in stale
    assert "not improved 5 times" in stale
    copying = early_end(plan, ended | {"step": 400, "best_step": 350, "copied_share": 0.125})
    assert copying is not None
    assert "12 % of the texts written then copied training rows; the weights of step 350" in copying
