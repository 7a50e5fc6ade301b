"""Lines of text -> Table: each line is a cell of the one column, which is named completion."""

import pyarrow as pa

from finetable.data.row_collector import RowCollector
from finetable.data.table import Table
from finetable.data.table_file import TableFile
from finetable.data.text_file import encoding_of, text_lines
from finetable.settings import TableOptions

COLUMN = "completion"


def read_lines(file: TableFile, options: TableOptions) -> Table:
    """Read a text file with an example on each line, blank ones too, so that whoever uses them counts them.

    Raises TableError for another encoding than the one given.
    """
    encoding = encoding_of(file, options.encoding)
    collector = RowCollector[str](_to_columns)
    with text_lines(file, encoding, newline="") as lines:
        for number, line in enumerate(lines, start=1):
            collector.take(line.rstrip("\r\n"), number, len(line))
    return collector.finish().as_table(file, encoding)


def _to_columns(piece: list[str]) -> pa.Table:
    return pa.table({COLUMN: pa.array(piece, pa.large_string())})
