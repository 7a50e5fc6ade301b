"""The one way to read a table: a path or `hf://owner/name` -> Table."""

from pathlib import Path
from typing import assert_never

from finetable.data.csv_reader import read_csv
from finetable.data.hub_table import fetch_hub_table
from finetable.data.jsonl_reader import read_jsonl
from finetable.data.lines_reader import read_lines
from finetable.data.parquet_reader import read_parquet
from finetable.data.table import SourceKind, Table
from finetable.data.table_file import HUB_PREFIX, TableFile, reading_faults
from finetable.errors import TableError
from finetable.settings import TableOptions
from finetable.wording import counted

_DETECT_ALL = TableOptions()
_OPTIONS_OF: dict[SourceKind, set[str]] = {
    "csv": {"encoding", "delimiter", "quote", "header"},
    "tsv": {"encoding", "delimiter", "quote", "header"},
    "jsonl": {"encoding"},
    "parquet": set(),
    "json": {"encoding"},
    "txt": {"encoding"},
}


def read_table(source: str, options: TableOptions = _DETECT_ALL) -> Table:
    """Read CSV, TSV, JSON, JSON Lines, Parquet or lines of text, each also compressed with gzip.

    What `options` leave open is detected; what was decided is in the table's `format` and `notes`, rows
    that were not taken are in `set_aside`. Raises TableError, in one sentence, for whatever cannot be
    read, and for a table without a row.
    """
    path = fetch_hub_table(source) if source.startswith(HUB_PREFIX) else Path(source).expanduser()
    with reading_faults(source):
        file = TableFile.find(source, path)
        _check_options(file, options)
        table = _read(file, options)
    if not len(table):
        raise _no_row(table)
    return table


def _read(file: TableFile, options: TableOptions) -> Table:
    match file.kind:
        case "csv" | "tsv":
            return read_csv(file, options)
        case "jsonl" | "json":
            return read_jsonl(file, options)
        case "parquet":
            return read_parquet(file)
        case "txt":
            return read_lines(file, options)
        case _:
            assert_never(file.kind)


def _check_options(file: TableFile, options: TableOptions) -> None:
    meaningless = options.model_dump(exclude_none=True).keys() - _OPTIONS_OF[file.kind]
    if meaningless:
        raise TableError(f"--{min(meaningless)} has no meaning for {file.name}: leave it out.")


def _no_row(table: Table) -> TableError:
    if not table.set_aside:
        names = " names its columns but" if table.column_names else ""
        return TableError(f"{table.name}{names} holds no row.")
    first = table.set_aside[0]
    return TableError(
        f"None of the {counted(len(table.set_aside), 'row')} of {table.name} can be taken; "
        f"the first is on line {first.line}: {first.reason}."
    )
