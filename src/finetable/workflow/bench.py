"""Contestants compared on one frozen split of a table."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from finetable.atomic_files import write_text
from finetable.bench_settings import BenchSettings
from finetable.evaluation.bench import ContestantKind, Entry, judge_entries
from finetable.evaluation.bench_texts import RealTexts, WriterEntry, judge_writers
from finetable.progress import Bar, Progress
from finetable.reporting.bench_report import bench_page
from finetable.tasks.task import answers
from finetable.workflow.bench_rows import bench_rows
from finetable.workflow.contestant_names import Contestant, ContestantWord
from finetable.workflow.contestants import labelled_by, written_by
from finetable.workflow.first_checks import check_benching

KINDS: dict[ContestantWord, ContestantKind] = {
    "majority": "baseline",
    "tfidf": "baseline",
    "model": "fine-tuned",
    "fewshot": "prompted",
}


def bench_table(table: str, out: Path | None, settings: BenchSettings, progress: Progress) -> dict[str, Any]:
    """Figures of every contestant on the same test rows, with the keys that `bench --json` promises.

    With `out` also a page. Raises a UserError for a contestant that cannot take part.
    """
    contestants = check_benching(table, out, settings)
    folders = [contestant.folder for contestant in contestants if contestant.word == "model"]
    rows = bench_rows(table, settings, folders, progress)
    with progress.bar("contestants", len(contestants)) as bar:
        told = _told(contestants, bar)
        show = partial(_show, progress)
        if settings.task.name == "write":
            made = [WriterEntry(of.name, KINDS[of.word], written_by(of, rows, settings, show)) for of in told]
            real = RealTexts(*(list(answers(rows.task, part)) for part in (rows.train, rows.test)))
            figures = judge_writers(real, made)
        else:
            entries = [Entry(of.name, KINDS[of.word], labelled_by(of, rows, settings, show)) for of in told]
            figures = judge_entries(rows.truth(), len(rows.task.labels), entries)
    if out is not None:
        write_text(out, bench_page(figures, table))
        progress.say(f"Wrote {out}")
    return figures


def _told(contestants: list[Contestant], bar: Bar) -> Iterator[Contestant]:
    for done, contestant in enumerate(contestants):
        bar.update(done, contestant.name)
        yield contestant


def _show(progress: Progress, name: str, prompt: str) -> None:
    progress.say(f"{name} is asked:")
    for line in prompt.split("\n"):
        progress.say(f"  | {line}")
