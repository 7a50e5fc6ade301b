import pytest

from finetable.errors import RecipeError
from finetable.inference.few_shot_layout import Layout, WritingLayout
from finetable.settings import TaskSettings

ONE = TaskSettings(label="sentiment", given=("text",))
TWO = TaskSettings(label="genre\n(main)", given=("title", "plot"))


def test_a_prompt_letter_by_letter() -> None:
    layout = Layout(ONE, ("negative", "neutral", "positive"), names_labels=True)
    assert layout.prompt([("what a day", "positive")], "my train is late") == (
        "Label each text with its sentiment: negative, neutral or positive. Answer with the label alone.\n\n"
        "what a day\nsentiment: positive\n\n"
        "my train is late\nsentiment:"
    )


def test_labels_are_always_named_where_no_example_shows_them() -> None:
    layout = Layout(ONE, ("no", "yes"), names_labels=False)
    assert "no or yes" in layout.prompt([], "a")
    assert "no or yes" not in layout.prompt([("b", "no")], "a")


def test_names_of_columns_and_labels_with_commas_stay_apart() -> None:
    prompt = Layout(TWO, ("a, b", "c"), names_labels=True).prompt([], "title: x\nplot: y")
    assert prompt.startswith('Label each title and plot with its genre (main): "a, b" or "c".')
    assert prompt.endswith("\n\ntitle: x\nplot: y\ngenre (main):")


@pytest.mark.parametrize("label", ["a\nb", "a\u2028b", " a", ""])
def test_a_label_that_is_no_line_is_refused(label: str) -> None:
    with pytest.raises(RecipeError, match="does not fit a line"):
        Layout(ONE, ("fine", label), names_labels=True)


def test_prompts_for_writing_letter_by_letter() -> None:
    both = TaskSettings(write="plot\n(short)", given=("title", "genre"))
    assert WritingLayout(both).prompt(
        [("title: Sea\ngenre: love", "They sail.")], "title: War\ngenre: crime"
    ) == (
        "Write a plot (short) for each title and genre.\n\n"
        "title: Sea\ngenre: love\nplot (short): They sail.\n\n"
        "title: War\ngenre: crime\nplot (short):"
    )
    assert WritingLayout(TaskSettings(write="plot")).prompt([("", "They sail.")], "") == (
        "Write a plot.\n\nplot: They sail.\n\nplot:"
    )
