"""Reports: of a run, and of several side by side."""

from collections.abc import Sequence
from pathlib import Path

from finetable.atomic_files import write_text
from finetable.model_folder import ModelFolder, Record
from finetable.progress import Progress
from finetable.reporting.compare import compare_lines, compare_page, read_run
from finetable.reporting.figures import draw
from finetable.reporting.gather import findings_of_folder
from finetable.reporting.page import render
from finetable.reporting.run_report import run_page
from finetable.workflow.first_checks import check_comparing, refuse_existing


def write_report(folder: ModelFolder, record: Record, file: Path) -> None:
    """Write the report of a finished run; into its folder with the pictures that the model card shows."""
    findings = findings_of_folder(folder, record)
    drawn = draw(findings)
    if file == folder.report:
        folder.write_pictures({figure.name: figure.svg for figure in drawn})
    write_text(file, render(run_page(folder, record, findings.text, drawn)))


def report_run(path: Path, out: Path | None, progress: Progress) -> Path:
    """Write the report of a finished run to `out`, or anew into its folder; give the file."""
    refuse_existing(out)
    folder = ModelFolder(path)
    record = folder.read_finished()
    file = out or folder.report
    write_report(folder, record, file)
    progress.say(f"Wrote {file}")
    return file


def compare_runs(paths: Sequence[Path], out: Path | None, progress: Progress) -> list[str]:
    """Put finished runs side by side: a few lines, and a page where `out` names one.

    Raises RecipeError for fewer than two runs, or for runs of different jobs.
    """
    check_comparing(paths, out)
    runs = [read_run(ModelFolder(path)) for path in paths]
    if out is not None:
        write_text(out, compare_page(runs))
        progress.say(f"Wrote {out}")
    return compare_lines(runs)
