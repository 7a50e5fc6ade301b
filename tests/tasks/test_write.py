from collections.abc import Callable

import pytest

from finetable.data.table import Table
from finetable.errors import TableError
from finetable.settings import TaskSettings
from finetable.tasks.write import WriteTask

MakeTable = Callable[..., Table]

TASK = WriteTask(TaskSettings(write="plot"))


@pytest.mark.parametrize(
    "plots",
    [["A ship."] * 12, ["A ship.", "a SHIP", " a ship! "] * 5, ["🎬"] * 10, ["Ａ ship"] * 9 + ["a ship"]],
)
def test_texts_that_are_all_the_same_teach_nothing(make_table: MakeTable, plots: list[str]) -> None:
    with pytest.raises(TableError) as caught:
        TASK.learnable(make_table(plot=plots))
    assert str(caught.value) == "Every row of films.csv has the same plot; there is nothing to learn."


def test_one_text_that_differs_is_enough(make_table: MakeTable) -> None:
    table = make_table(plot=["A ship."] * 12 + ["A boat.", " "])
    kept = TASK.learnable(table)
    assert len(kept) == 13
    assert [row.line for row in kept.set_aside] == [15]


def test_a_text_is_learnt_as_it_stands() -> None:
    assert TASK.answer("  A ship.\n") == "  A ship.\n"
    assert TASK.labels == ()
