from hypothesis import given
from hypothesis import strategies as st

from finetable.data.column_names import find_column, find_columns, usable_names


def test_good_names_stay_without_a_note() -> None:
    assert usable_names(["title", " Year "]) == (["title", " Year "], [])


def test_an_empty_name_is_called_after_its_position() -> None:
    names, notes = usable_names(["", "title", "  "])
    assert names == ["column_1", "title", "column_3"]
    assert notes == [
        "Column 1 has no name and is called 'column_1' here.",
        "Column 3 has no name and is called 'column_3' here.",
    ]


def test_a_name_that_comes_again_gets_a_number_that_is_free() -> None:
    names, notes = usable_names(["text", "text_2", "text", "text"])
    assert names == ["text", "text_2", "text_3", "text_4"]
    assert usable_names(["text", "text", "text_2"])[0] == ["text", "text_3", "text_2"]
    assert notes[0] == "Column 3 is named 'text' like another and is called 'text_3' here."


@given(st.lists(st.sampled_from(["", " ", "a", "a_2", "column", "column_1", "column_2", "column_3"])))
def test_names_are_never_empty_and_never_twice(given: list[str]) -> None:
    names, notes = usable_names(given)
    assert len(set(names)) == len(names) == len(given)
    assert all(name.strip() for name in names)
    assert len(notes) == sum(name != was for name, was in zip(names, given, strict=True))


def test_a_person_means_a_column_but_for_blanks_around_its_name() -> None:
    assert find_column("a", ["b", " a "]) == " a "
    assert find_column(" a", ["a", "b"]) == "a"
    assert find_column("a", [" a ", "a", "a "]) == "a"
    assert find_column("a", [" a", "a "]) == "a", "neither is meant more than the other"


def test_a_column_with_a_comma_goes_before_its_parts() -> None:
    assert find_columns(["a", "b", "c"], ["a", "b", "c", "a, b"]) == ["a, b", "c"]
    assert find_columns(["a", "b", "c"], ["a,b", "a,b,c"]) == ["a,b,c"]
    assert find_columns(["a, b", "c"], ["a, b", "c"]) == ["a, b", "c"]
    assert find_columns(["b", "a"], ["a", "b", "a, b"]) == ["b", "a"]
