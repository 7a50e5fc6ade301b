"""Splits: no text on two sides."""

from pathlib import Path

from finetable.catalog import task_of
from finetable.data.read_table import read_table
from finetable.data.splits import fold
from finetable.frozen_rows import SPLITS
from finetable.settings import Recipe, TaskSettings
from finetable.workflow.rows import frozen_rows, share_of_splits


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
