"""The plan of a file: beside it, in the metadata of a job, and what it spares on the next run."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from finetable.errors import UserError
from finetable.progress import Silent
from finetable.remote.plan import Plan, metadata_of, plan_file, plan_in, plan_of
from finetable.remote.prepare import prepare_table
from finetable.remote.review import CHECKS
from finetable.remote.style import Style
from finetable.settings import TaskSettings
from finetable.verb_settings import PrepareSettings
from finetable.verbs import prepare

from .tables import Row, labelled, names

NAMES = [check.__name__.replace("_", "-") for check in CHECKS]


def test_the_plan_counts_only_for_the_file_it_was_made_with(
    file: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    prepare(file(labelled(40)), out=out, label="completion", given="prompt", accept="all")
    training = tmp_path / "out_train.jsonl"
    plan = plan_of(training)
    assert plan is not None
    assert plan.style.separator == " ->"
    assert plan.task.given == ("prompt",)
    for side in ("_train", "_valid"):
        again = prepare(
            tmp_path / f"out{side}.jsonl", out=tmp_path / "x.jsonl", label="completion", given="prompt"
        )
        assert names(again) == []
    training.write_text(training.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert plan_of(training) is None


def test_a_plan_travels_in_the_metadata_of_a_job() -> None:
    plan = Plan(
        task=TaskSettings(label="mood", given=("a,b", "x" * 600)),
        style=Style(separator=" ->"),
        files={"a": "b"},
    )
    kept = metadata_of(plan)
    assert kept is not None
    assert all(len(key) <= 64 and len(value) <= 512 for key, value in kept.items())
    assert plan_in({**kept, "team": "a"}) == plan.model_copy(update={"files": {}})
    assert plan_in(None) is plan_in({"team": "a"}) is None
    assert metadata_of(Plan(task=TaskSettings(label="mood", given=("x" * 6000,)))) is None


WORDS = st.sampled_from(
    ["A", "END", " ", "\n", ".", "?", "Answer: ", "ja", "𝐀", "İ", "ß", "->", "###", "long " * 1200]
)
TEXT = st.lists(WORDS, max_size=5).map("".join)
ROWS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=9)


@given(rows=ROWS, job=st.sampled_from(["write", "label", "open", "chat"]), tail=TEXT, head=TEXT)
def test_on_its_own_output_it_proposes_nothing(rows: list[Row], job: str, tail: str, head: str) -> None:
    task = {"label" if job == "label" else "write": "completion"}
    options: dict[str, Any] = {**task, "given": () if job == "open" else ("prompt",), "chat": job == "chat"}
    accepted = [name for name in NAMES if name != "split"]
    settings = PrepareSettings.of(**options, accept=accepted)
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder) / "table.jsonl", Path(folder) / "out.jsonl"
        shared = [{"prompt": head + prompt + tail, "completion": head + text + tail} for prompt, text in rows]
        table.write_text("".join(json.dumps(row) + "\n" for row in shared), encoding="utf-8")
        try:
            first = prepare_table(str(table), out, settings, Silent())
        except UserError:
            return
        assert all(
            decision.accepted or decision.proposal.name == "split" for decision in first.review.decisions
        )
        plan_file(out).unlink()
        again = prepare_table(str(out), Path(folder) / "again.jsonl", settings, Silent())
        assert set(names(again)) <= {"split"}
        assert (Path(folder) / "again.jsonl").read_bytes() == out.read_bytes()
