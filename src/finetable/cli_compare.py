"""The verbs that put models side by side, as options in and lines out."""

from pathlib import Path
from typing import Annotated

from finetable.bench_settings import BenchSettings
from finetable.cli_options import AsJson, Flat, terminal
from finetable.exit_codes import DONE
from finetable.printed import print_lines, print_rows


def compare(*folders: Path, out: Path | None = None) -> int:
    """Put models side by side: where their recipes differ, and which is best.

    Parameters
    ----------
    folders
        Two model folders or more, of one job.
    out
        An HTML page that shows them side by side.
    """
    from finetable.workflow.first_checks import check_comparing

    check_comparing(folders, out)
    from finetable.workflow.report import compare_runs

    without_bars_of_libraries()
    print_lines(compare_runs(folders, out, terminal))
    return DONE


def bench(
    table: str,
    /,
    *,
    out: Path | None = None,
    json_output: AsJson = False,
    settings: Annotated[BenchSettings, Flat] = BenchSettings(),
) -> int:
    """Compare models, prompts and simple baselines on the same rows of a table.

    Parameters
    ----------
    table
        CSV, TSV, JSON, JSON Lines, Parquet or lines of text, each also .gz, or hf://owner/name.
    out
        An HTML page that shows them side by side.
    """
    from finetable.workflow.first_checks import check_benching

    check_benching(table, out, settings)
    from finetable.reporting.bench_report import bench_lines
    from finetable.workflow.bench import bench_table

    without_bars_of_libraries()
    figures = bench_table(table, out, settings, terminal)
    if json_output:
        print_rows([figures])
    else:
        print_lines(bench_lines(figures))
    return DONE


def without_bars_of_libraries() -> None:
    """Keep transformers from drawing bars of its own between ours."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
