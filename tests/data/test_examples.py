import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.examples import prompt_of


def test_without_given_columns_there_is_no_prompt() -> None:
    assert prompt_of((), ()) is None


@settings(deadline=None)
@given(st.text())
def test_one_given_column_stands_alone(value: str) -> None:
    assert prompt_of(("title",), (value,)) == value


def test_several_columns_are_named_in_the_order_they_are_given() -> None:
    assert prompt_of(("genre", "title"), ("drama", "Up: again")) == "genre: drama\ntitle: Up: again"
    assert prompt_of(("title", "genre"), ("Up", "drama")) == "title: Up\ngenre: drama"


def test_an_empty_cell_in_one_column_is_not_an_empty_cell_in_another() -> None:
    assert prompt_of(("genre", "title"), ("", "Up")) != prompt_of(("genre", "title"), ("Up", ""))


def test_a_column_without_a_value_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError):
        prompt_of(("genre", "title"), ("drama",))
