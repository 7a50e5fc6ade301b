import pyarrow as pa

from finetable.data.row_collector import CollectedRows, RowCollector
from finetable.data.table import SetAside


def collect(rows: list[dict[str, str]], characters: int) -> tuple[CollectedRows, list[int]]:
    pieces: list[int] = []

    def to_columns(piece: list[dict[str, str]]) -> pa.Table:
        pieces.append(len(piece))
        names = dict.fromkeys(name for row in piece for name in row)
        return pa.table(
            {name: pa.array([row.get(name) for row in piece], pa.large_string()) for name in names}
        )

    collector = RowCollector[dict[str, str]](to_columns)
    for line, row in enumerate(rows, start=2):
        if row:
            collector.take(row, line, characters)
        else:
            collector.set_aside(line, "empty")
    return collector.finish(), pieces


def test_every_row_has_an_id_whether_taken_or_not() -> None:
    rows, _ = collect([{"a": "1"}, {}, {"a": "2"}, {}], 1)
    assert rows.row_ids.tolist() == [0, 2]
    assert rows.lines.tolist() == [2, 4]
    assert rows.set_aside == [SetAside(1, 3, "empty"), SetAside(3, 5, "empty")]


def test_pieces_are_ended_by_size_and_joined_again() -> None:
    rows, pieces = collect([{"a": str(number)} for number in range(10)], 2_000_000)
    assert pieces == [3, 3, 3, 1]
    assert rows.columns["a"].to_pylist() == [str(number) for number in range(10)]


def test_narrow_rows_end_a_piece_too() -> None:
    _, pieces = collect([{"a": ""}] * 40_000, 0)
    assert len(pieces) > 1


def test_a_column_that_comes_late_is_missing_before() -> None:
    rows, pieces = collect([{"a": "1"}, {"b": "2"}], 5_000_000)
    assert len(pieces) == 2
    assert rows.columns.to_pylist() == [{"a": "1", "b": None}, {"a": None, "b": "2"}]


def test_no_row_at_all_is_an_empty_table() -> None:
    rows, _ = collect([], 1)
    assert rows.columns.num_rows == 0
    assert rows.row_ids.tolist() == []
