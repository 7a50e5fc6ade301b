import datetime as dt
import json
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.read_table import read_table
from finetable.data.table_writer import write_table
from finetable.errors import UserError
from finetable.settings import TableOptions

TEXT_ENDINGS = [".csv", ".tsv", ".csv.gz", ".tsv.gz"]
ENDINGS = [*TEXT_ENDINGS, ".jsonl", ".jsonl.gz", ".parquet", ".parquet.gz"]

HARMLESS = pa.table({"text": ["a, b", 'say "hi"', "two\nlines"], "label": ["x", "", "y"]})

ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
ODD_TEXT = st.text(st.sampled_from("a1,;\t|\"'\\\n\r \u2028\ufeff"), max_size=12)
CELLS = ODD_TEXT | ANY_TEXT
NAMES = st.lists(
    st.sampled_from(["text", "label", "genre, or so", 'the "title"', "two\nlines", "é;x|y\tz", "it's"]),
    min_size=1,
    max_size=4,
    unique=True,
)


@st.composite
def tables(draw: st.DrawFn, cells: st.SearchStrategy[str], names: st.SearchStrategy[list[str]]) -> pa.Table:
    columns = draw(names)
    rows = draw(st.lists(st.tuples(*[cells] * len(columns)), min_size=1, max_size=8))
    return pa.table(
        {name: pa.array([row[at] for row in rows], pa.large_string()) for at, name in enumerate(columns)}
    )


def round_trip(folder: Path, ending: str, columns: pa.Table, options: TableOptions | None = None) -> pa.Table:
    path = folder / f"table{ending}"
    path.unlink(missing_ok=True)
    write_table(path, columns)
    table = read_table(str(path), options or TableOptions())
    assert table.set_aside == ()
    return table.columns


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=40, deadline=None)
@given(columns=tables(CELLS, NAMES))
def test_any_text_comes_back_without_being_told_how(folder: Path, ending: str, columns: pa.Table) -> None:
    assert round_trip(folder, ending, columns).to_pydict() == columns.to_pydict()


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
@settings(max_examples=40, deadline=None)
@given(columns=tables(CELLS, st.lists(CELLS.filter(str.strip), min_size=1, max_size=3, unique=True)))
def test_any_names_come_back_when_told_that_there_are_names(
    folder: Path, ending: str, columns: pa.Table
) -> None:
    assert round_trip(folder, ending, columns, TableOptions(header=True)).to_pydict() == columns.to_pydict()


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_missing_stays_missing_where_the_format_knows_it(tmp_path: Path, ending: str) -> None:
    columns = pa.table({"a": pa.array(["x", None, ""], pa.large_string()), "b": ["\0", "y", "z"]})
    assert round_trip(tmp_path, ending, columns).to_pydict() == columns.to_pydict()


def test_other_types_are_written_as_a_person_would(tmp_path: Path) -> None:
    columns = pa.table(
        {
            "n": [1, None],
            "f": [0.5, float("nan")],
            "b": [True, False],
            "d": [dt.date(2021, 9, 25), None],
            "l": [["é"], None],
            "s": pa.array(["x", "y"]).dictionary_encode(),
        }
    )
    write_table(tmp_path / "a.csv", columns)
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == (
        '"n","f","b","d","l","s"\n"1","0.5","true","2021-09-25","[""é""]","x"\n"","","false","","","y"\n'
    )
    write_table(tmp_path / "a.jsonl", columns)
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()] == [
        {"n": 1, "f": 0.5, "b": True, "d": "2021-09-25", "l": ["é"], "s": "x"},
        {"n": None, "f": None, "b": False, "d": None, "l": None, "s": "y"},
    ]
    assert round_trip(tmp_path, ".parquet", columns.drop_columns("f")).equals(columns.drop_columns("f"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_table_gives_the_same_bytes(tmp_path: Path, ending: str) -> None:
    first, second = tmp_path / f"first{ending}", tmp_path / f"second{ending}"
    write_table(first, HARMLESS)
    write_table(second, HARMLESS)
    assert first.read_bytes() == second.read_bytes()
    if ending.endswith(".gz"):
        time_written = first.read_bytes()[4:8]
        assert time_written == b"\0\0\0\0"


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_existing_file_is_never_replaced(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_text("mine")
    with pytest.raises(UserError, match=r"a.* exists already and is never overwritten: choose another --out"):
        write_table(path, HARMLESS)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(UserError, match="exists already"):
        write_table(path, HARMLESS)
    assert not (tmp_path / "elsewhere.csv").exists()


def test_of_many_writers_at_once_exactly_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    together = threading.Barrier(8)
    won: list[int] = []
    refused: list[str] = []

    def write(number: int) -> None:
        together.wait()
        try:
            write_table(path, pa.table({"text": [f"{number} " + "x" * 100] * 5000}))
            won.append(number)
        except UserError as fault:
            refused.append(str(fault))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(won) == 1
    assert len(refused) == 7
    assert all("exists already" in fault for fault in refused)
    texts = read_table(str(path)).texts("text").to_pylist()
    assert len(texts) == 5000
    assert texts[0].startswith(f"{won[0]} ")
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_is_one_sentence(tmp_path: Path) -> None:
    for path, sentence in (
        (tmp_path / "none" / "a.csv", "There is no folder .*none: create it, or choose another --out"),
        (tmp_path / "a.xlsx", r"has no known ending: let --out end in \.csv, \.tsv, \.jsonl or \.parquet"),
        (tmp_path / ("x" * 300 + ".csv"), "cannot be written"),
    ):
        with pytest.raises(UserError, match=sentence):
            write_table(path, HARMLESS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", TEXT_ENDINGS)
@pytest.mark.parametrize("columns", [pa.table({"a": ["x\0y"]}), pa.table({"a\0b": ["x"]})])
def test_nul_is_refused_where_it_would_not_come_back(tmp_path: Path, ending: str, columns: pa.Table) -> None:
    with pytest.raises(UserError, match="holds a NUL character, which CSV and TSV cannot hold"):
        write_table(tmp_path / f"a{ending}", columns)
    assert list(tmp_path.iterdir()) == []


FILL_SCRIPT = """
import resource, sys
import numpy as np, pyarrow as pa
from pathlib import Path
from finetable.data.table_writer import write_table
from finetable.errors import UserError
noise = np.random.default_rng(0).bytes(1 << 18).hex()
columns = pa.table({"text": [noise[at : at + 64] for at in range(0, len(noise), 64)]})
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
for ending in sys.argv[2:]:
    try:
        write_table(Path(sys.argv[1]) / f"a{ending}", columns)
    except UserError as fault:
        print(fault)
"""


def test_a_file_that_finds_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL_SCRIPT, str(tmp_path), *ENDINGS],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    sentences = done.stdout.splitlines()
    assert len(sentences) == len(ENDINGS)
    for ending, sentence in zip(ENDINGS, sentences, strict=True):
        assert sentence == (
            f"{tmp_path / f'a{ending}'} cannot be written (File too large) and nothing of it was left: "
            "make room, or choose another --out."
        )
    assert list(tmp_path.iterdir()) == []


def test_the_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_table(tmp_path / "a.csv", HARMLESS)
    assert (tmp_path / "a.csv").stat().st_mode == (tmp_path / "other").stat().st_mode
