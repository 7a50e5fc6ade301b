"""A table looked at before training: what the terminal, the JSON and the page say is what was planted."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from finetable.errors import ColumnError, RecipeError
from finetable.models.pretrained import load_pretrained
from finetable.reporting.profile_report import doubts, profile_json, profile_lines
from finetable.verbs import profile

PROMISED = {"rows", "set_aside", "columns", "duplicates", "near_duplicates", "conflicting_labels", "lengths"}


@pytest.fixture(scope="module")
def faulty(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The films with a duplicate, a conflict, a damaged plot, an overlong one and a row of another width."""
    file = tmp_path_factory.mktemp("faulty") / "films.csv"
    lines = films.read_text(encoding="utf-8").splitlines()
    plot = lines[5].split(",")[2]
    genre = "love" if lines[5].split(",")[1] == "crime" else "crime"
    lines += [
        f"Film 900,{lines[6].split(',')[1]},{lines[6].split(',')[2].upper()}",
        f"Film 5,{genre},{plot}",
        "Film 902,love,a cafÃ© owner writes a tender letter near the library",
        f"Film 903,love,{'a very long story ' * 400}",
        "Film 904,love,too,wide",
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_what_is_wrong_is_said_with_its_lines(faulty: Path) -> None:
    found = profile(faulty, write="plot", given="genre")
    told = "\n".join(profile_lines(found))
    assert f"{faulty} has 154 rows and 3 columns: 1 row set aside, 2 duplicates" in told
    assert "2 × the same plot as an earlier row (lines 152, 153)" in told
    assert "1 × mojibake in plot (line 154)" in told
    assert "1 × very long in plot (line 155)" in told
    assert "the base sees 1,024, 1 row is longer" in told
    assert "training to write plot from small would take about" in told
    tokens = found.lengths[-1]
    assert (tokens.column, tokens.unit, tokens.limit) == ("genre + plot", "tokens", 1024)
    assert len(tokens.values) == 154
    assert found.estimate is not None
    assert found.estimate.seconds > 0 < found.estimate.memory_bytes


def test_conflicts_are_found_where_the_job_is_to_label(faulty: Path) -> None:
    found = profile(faulty, label="genre", given="plot")
    assert [set(conflict.lines) for conflict in found.conflicts] == [{6, 153}]
    assert "1 × the same text under several labels (line 6)" in doubts(found)
    assert sum(found.labels.values()) == 154


def test_without_a_job_the_columns_are_guessed(faulty: Path) -> None:
    found = profile(faulty)
    assert {column.name: column.role for column in found.columns}["plot"] == "write"
    assert found.estimate is None


def test_the_keys_of_the_json_are_those_promised_and_all_of_it_is_json(faulty: Path) -> None:
    told = json.loads(json.dumps(profile_json(profile(faulty, write="plot"))))
    assert set(told) >= PROMISED
    assert told["rows"] == 154
    assert told["set_aside"][0]["line"] == 156
    assert {"n", "distinct", "mean", "sd", "p1", "p25", "median", "p75", "p99", "min", "max"} <= set(
        told["lengths"][0]
    )


def test_a_page_is_written_once(faulty: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    profile(faulty, write="plot", out=out)
    html = out.read_text(encoding="utf-8")
    assert "cafÃ©" in html
    assert html.count("<svg") >= 3
    with pytest.raises(RecipeError, match="exists already"):
        profile(faulty, write="plot", out=out)


def test_a_wrong_column_gets_the_nearest_right_one(faulty: Path) -> None:
    with pytest.raises(ColumnError, match="Did you mean 'plot'"):
        profile(faulty, write="plott")
    with pytest.raises(RecipeError, match="exactly one"):
        profile(faulty, given="plot")


def test_tokens_are_those_that_training_sees(films: Path, base_folder: Callable[[str], Path]) -> None:
    folder = base_folder("gpt2")
    lengths = profile(films, write="plot", given="genre", base=str(folder)).lengths[-1]
    encoder = load_pretrained(str(folder), with_separator=True).encoder()
    rows = [line.split(",") for line in films.read_text(encoding="utf-8").splitlines()[1:]]
    prompts, answers = encoder.prompts([row[1] for row in rows]), encoder.answers([row[2] for row in rows])
    wanted = [len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True)]
    assert lengths.values.tolist() == wanted
    assert lengths.over_limit == sum(length > 96 for length in wanted)


def test_a_table_whose_rows_are_all_too_long_is_told_so_without_an_estimate(tmp_path: Path) -> None:
    table = tmp_path / "long.csv"
    rows = [f"{n} " + f"word{n} " * 3000 for n in range(14)]
    table.write_text("\n".join(["text", *rows]) + "\n", encoding="utf-8")
    found = profile(table, write="text", base="scratch", size="tiny")
    assert found.estimate is None
    assert "the base sees 1,024, 14 rows are longer" in "\n".join(profile_lines(found))


def test_names_cannot_command_the_terminal(tmp_path: Path) -> None:
    table = tmp_path / "evil.csv"
    rows = [f"the text of row {n} is here,{'a' if n % 2 else chr(27) + '[31mb'}" for n in range(40)]
    table.write_text("\n".join(["text,kind", *rows]) + "\n", encoding="utf-8")
    told = profile_lines(profile(table, label="kind", given="text", base="scratch", size="tiny"))
    assert any("[31mb" in line for line in told)
    assert all(line.isprintable() for line in told)


def test_a_table_that_training_would_refuse_is_shown_all_the_same(tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    rows = [f"the text of row {n} is here,{'ab'[n % 2]}" for n in range(40)]
    table.write_text("\n".join(["text,kind", *rows, "one more text,odd"]) + "\n", encoding="utf-8")
    told = profile_lines(profile(table, label="kind", given="text"))
    assert told[1].startswith("Training would not start: The kind 'odd'")
    assert any(line.startswith("labels in kind: a 20") for line in told)


def test_blank_columns_and_tables_too_small_are_not_called_unsuspicious(tmp_path: Path) -> None:
    blank = tmp_path / "blank.csv"
    rows = [f"the text of row {n} is here,,{'x' if n < 19 else ''}" for n in range(40)]
    blank.write_text("\n".join(["text,nothing,little", *rows]) + "\n", encoding="utf-8")
    told = profile_lines(profile(blank))
    assert told[0].endswith("40 rows and 3 columns: 2 mostly blank columns.")
    assert "nothing is blank in 40 of 40 rows" in told
    assert "little is blank in 21 of 40 rows" in told
    one = tmp_path / "one.csv"
    one.write_text("\n".join(["text,nothing", "a text of one row,"]) + "\n", encoding="utf-8")
    assert "1 row and 2 columns: too few to learn from, 10 rows are needed" in profile_lines(profile(one))[0]


def test_a_long_name_is_shortened_in_the_middle(tmp_path: Path) -> None:
    table = tmp_path / "long.csv"
    name = f"start {'n' * 200} end"
    rows = [f"the text of row {n} is here,{'ab'[n % 2]}" for n in range(40)]
    table.write_text("\n".join([f"{name},kind", *rows]) + "\n", encoding="utf-8")
    told = profile_lines(profile(table))
    assert max(map(len, told[1:])) < 130
    assert any(line.startswith("start nnn") and "…" in line and "end" in line for line in told[1:])
    with pytest.raises(ColumnError) as fault:
        profile(table, write="text")
    assert len(str(fault.value)) < 250


def test_options_that_mean_nothing_with_the_base_are_refused(films: Path) -> None:
    for options in (
        {"base": "scratch", "lora": 4},
        {"base": "gpt2", "size": "tiny"},
        {"base": "gpt2", "keep_case": True},
    ):
        with pytest.raises(RecipeError, match="scratch"):
            profile(films, write="plot", **options)
