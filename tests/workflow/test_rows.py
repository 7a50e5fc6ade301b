"""Splits: no text on two sides."""

from pathlib import Path

from finetable.catalog import task_of
from finetable.data.read_table import read_table
from finetable.data.splits import fold
from finetable.frozen_rows import SPLITS
from finetable.settings import Recipe, TaskSettings
from finetable.workflow.rows import are_new, frozen_rows, share_of_splits


def test_the_same_synopsis_under_several_titles_and_genres_stays_on_one_side(tmp_path: Path) -> None:
    file = tmp_path / "films.csv"
    lines = ["title,genre,synopsis"]
    for number in range(120):
        synopsis = f"In the year {number} a crew of {number} people sails to the far end of the world"
        for genre in ("drama", "action", "comedy")[: 1 + number % 3]:
            spelled = synopsis.upper() if genre == "action" else f"{synopsis}."
            lines.append(f"Title {number} as {genre},{genre},{spelled}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = read_table(str(file))
    settings = TaskSettings(label="genre", given=("title", "synopsis"))
    rows, moved = frozen_rows(table, task_of(settings), Recipe(task=settings))
    assert moved == 0
    sides = [{fold(text) for text in rows.of(split).texts("synopsis").to_pylist()} for split in SPLITS]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    counts = share_of_splits(rows)
    assert sum(counts.values()) == len(table)
    assert all(counts.values())


SYNOPSIS = "一位年迈的灯塔看守人收到了一封写给别人的信于是他踏上旅途"


def test_a_text_of_a_script_without_spaces_stays_on_one_side(tmp_path: Path) -> None:
    file = tmp_path / "films.csv"
    lines = ["title,genre,synopsis"]
    for number in range(60):
        synopsis = SYNOPSIS + chr(0x4E00 + number) + chr(0x5E00 + number) * 3
        lines += [f"{chr(0x6E00 + number + side) * 9},{'ab'[side]},{synopsis}" for side in range(2)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = TaskSettings(label="genre", given=("title", "synopsis"))
    rows, _ = frozen_rows(read_table(str(file)), task_of(settings), Recipe(task=settings))
    sides = [set(rows.of(split).texts("synopsis").to_pylist()) for split in SPLITS]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def test_a_long_text_that_was_learnt_is_not_new_under_another_title(tmp_path: Path) -> None:
    file = tmp_path / "films.csv"
    texts = [f"In the year {number} a crew of {number} people sails far away" for number in range(40)]
    lines = [f"Title {number},{'ab'[number % 2]},{text}" for number, text in enumerate(texts)]
    file.write_text("\n".join(["title,genre,synopsis", *lines]) + "\n", encoding="utf-8")
    settings = TaskSettings(label="genre", given=("title", "synopsis"))
    task = task_of(settings)
    rows, _ = frozen_rows(read_table(str(file)), task, Recipe(task=settings))
    learnt = rows.of("train").texts("synopsis")[0].as_py()
    other = tmp_path / "other.csv"
    news = [f"Anew,a,{learnt.upper()}", "Anew,b,A wholly other text that nobody has ever seen"]
    other.write_text("\n".join(["title,genre,synopsis", *news]) + "\n", encoding="utf-8")
    assert are_new(read_table(str(other)), task, rows).tolist() == [False, True]
