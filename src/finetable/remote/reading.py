"""A table becomes the lines of a draft: which columns are taken, and what is left out."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NoReturn

from finetable.catalog import base_of
from finetable.data.examples import prompt_of
from finetable.data.table import Table
from finetable.errors import RecipeError
from finetable.remote.draft import Context, Draft, Kind, Line, Proposal
from finetable.remote.messages import LEAD
from finetable.settings import BaseSettings, Recipe, TaskSettings
from finetable.wording import are_counted, quoted
from finetable.workflow.rows import named_columns

COLUMNS_SHOWN = 20
ROWS_AT_ONCE = 1000


def columns_meant(task: TaskSettings, table: Table) -> tuple[TaskSettings, list[Proposal]]:
    """The task with the table's own names, and what that decides: other capitals, columns left out.

    Raises ColumnError for a name that no column has in any spelling.
    """
    found = named_columns(task, table)
    told: list[Proposal] = []
    meant = {name: _in_any_case(name, table.column_names) for name in (found.target, *found.given)}
    table.require(list(meant.values()))
    for name, column in meant.items():
        if name != column:
            told.append(_column_proposal("columns", f"The column {column!r} is taken for {name!r}."))
    job = {found.name: meant[found.target], "given": tuple(meant[name] for name in found.given)}
    found = found.model_copy(update=job)
    left_out = _left_out(found, table)
    if left_out:
        sentence = f"{are_counted(len(left_out), 'column')} left out: {quoted(left_out, COLUMNS_SHOWN)}."
        alike = _like_another(left_out, [found.target, *found.given])
        told.append(_column_proposal("columns-left-out", sentence + alike))
    return found, told


def lines_of(task: TaskSettings, table: Table) -> tuple[Line, ...]:
    """Each row as a line of a training file."""
    completions = table.texts(task.target).to_pylist()
    leads = table.texts(LEAD).to_pylist() if LEAD in table.column_names else [""] * len(table)
    given = [table.texts(name).to_pylist() for name in task.given]
    values = zip(*given, strict=True) if given else (() for _ in completions)
    return tuple(
        Line(int(number), prompt_of(task.given, cells) or "", completion, lead)
        for number, cells, completion, lead in zip(table.lines, values, completions, leads, strict=True)
    )


def kind_of(task: TaskSettings, lines: Iterable[Line]) -> Kind:
    """What the lines teach: decided once, by what was asked for and not by what the texts become."""
    if task.name == "label":
        return "classification"
    return "conditional" if any(line.prompt.strip() for line in lines) else "open-ended"


def context_of_base(name: str, task: TaskSettings) -> Context:
    """What a base can see; raises BaseModelError where it cannot be read, RecipeError for a fresh one."""
    if name == "scratch":
        raise RecipeError("A scratch network has no tokenizer yet: name a trained --base, or leave it out.")

    def no_tokenizer() -> NoReturn:
        raise AssertionError("only a scratch network asks for one")

    recipe = Recipe(task=task, base=BaseSettings(base=name))
    base = base_of(recipe, no_tokenizer, bool(task.given))
    encoder = base.encoder()

    def tokens_of(lines: Iterable[Line]) -> Iterator[int]:
        rest = iter(lines)
        while piece := list(islice(rest, ROWS_AT_ONCE)):
            asked = encoder.prompts([line.lead + line.prompt if task.given else None for line in piece])
            answers = encoder.answers([line.completion for line in piece])
            yield from (len(one) + len(other) for one, other in zip(asked, answers, strict=True))

    return Context(name, base.context, tokens_of)


def _in_any_case(name: str, there: list[str]) -> str:
    alike = [column for column in there if column.strip().casefold() == name.strip().casefold()]
    return alike[0] if name not in there and len(alike) == 1 else name


def _left_out(task: TaskSettings, table: Table) -> list[str]:
    """Columns with any content that are neither prompt nor completion."""
    used = {task.target, *task.given, LEAD}
    return [
        name
        for name in table.column_names
        if name not in used and any(cell.strip() for cell in table.texts(name).to_pylist())
    ]


def _like_another(left_out: list[str], used: list[str]) -> str:
    """A warning where a column that is not taken is named like one that is, but for a number."""
    alike = [name for name in left_out if any(name.rstrip("0123456789_") == taken for taken in used)]
    return f" Make sure that {quoted(alike, COLUMNS_SHOWN)} was not meant." if alike else ""


def _column_proposal(name: str, sentence: str) -> Proposal:
    return Proposal(name, sentence, (), lambda draft: draft, necessary=True)


def draft_of(task: TaskSettings, lines: tuple[Line, ...], chat: bool) -> Draft:
    """The lines as they are in the table."""
    return Draft(lines, kind_of(task, lines), chat)
