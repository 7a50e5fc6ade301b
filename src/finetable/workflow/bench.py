"""Contestants compared on one frozen split of a table."""

from pathlib import Path
from typing import Any

from finetable.atomic_files import write_text
from finetable.evaluation.bench import ContestantKind, Entry, judge_entries
from finetable.progress import Progress
from finetable.reporting.bench_report import bench_page
from finetable.verb_settings import BenchSettings
from finetable.workflow.bench_rows import bench_rows
from finetable.workflow.contestant_names import ContestantWord
from finetable.workflow.contestants import labelled_by
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
    entries = []
    with progress.bar("contestants", len(contestants)) as bar:
        for done, contestant in enumerate(contestants):
            bar.update(done, contestant.name)
            said = labelled_by(contestant, rows)
            entries.append(Entry(contestant.name, KINDS[contestant.word], said))
    figures = judge_entries(rows.truth(), len(rows.task.labels), entries)
    if out is not None:
        write_text(out, bench_page(figures, table))
        progress.say(f"Wrote {out}")
    return figures
