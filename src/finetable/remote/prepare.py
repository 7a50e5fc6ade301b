"""`finetable prepare`: a table to JSON Lines for a fine-tuning API; proposals first, files when told."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from finetable.data.read_table import read_table
from finetable.data.table import Table
from finetable.data.table_writer import write_new
from finetable.errors import RecipeError
from finetable.progress import Progress
from finetable.remote.draft import Beside, Draft, Line
from finetable.remote.messages import messages_of, with_messages_read
from finetable.remote.plan import SIDES, Plan, plan_file, plan_of, side_of, write_plan
from finetable.remote.reading import columns_meant, context_of_base, draft_of, lines_of
from finetable.remote.review import Decision, Review, check_accepted, review
from finetable.settings import TaskSettings
from finetable.verb_settings import PrepareSettings
from finetable.workflow.first_checks import check_table, refuse_existing
from finetable.workflow.rows import tell_about_table

EVERYTHING = ("all",)
KIND = ".jsonl"


@dataclass(frozen=True)
class Prepared:
    """What was found in a table, and the files that were written, none where nothing was accepted yet."""

    table: str
    task: TaskSettings
    source: Table
    review: Review
    files: tuple[Path, ...]
    plan: Path | None

    @property
    def rows(self) -> int:
        """Rows that were taken."""
        return len(self.source)


def check_preparing(table: str, out: Path, settings: PrepareSettings) -> None:
    """Raise a UserError for what cannot be prepared."""
    settings.task.check()
    check_accepted(settings.accept)
    if settings.system is not None and not settings.chat:
        raise RecipeError("--system is for --chat: prompts and completions have no system message.")
    if out.suffix.lower() != KIND:
        raise RecipeError(
            f"A fine-tuning API takes JSON Lines: let --out end in {KIND}, not in {out.name!r}."
        )
    for file in (out, plan_file(out)):
        refuse_existing(file)
    check_table(table)
    if settings.validation is not None:
        check_table(settings.validation)


def prepare_table(table: str, out: Path, settings: PrepareSettings, progress: Progress) -> Prepared:
    """Look at a table as a training file, and write it where `accept` says what to change on the way."""
    check_preparing(table, out, settings)
    source = read_table(table, settings.table)
    tell_about_table(source, progress)
    source = with_messages_read(source, settings.chat, settings.system)
    task, columns = columns_meant(settings.task, source)
    draft = draft_of(task, lines_of(task, source), settings.chat)
    draft = replace(draft, beside=_beside(table, task, settings, progress))
    found = review(draft, settings.accept or EVERYTHING)
    decided = [Decision(proposal, True, None) for proposal in columns]
    found = replace(found, decisions=(*decided, *found.decisions))
    if not settings.accept:
        return Prepared(table, task, source, found, (), None)
    _warn_of_needless(found, settings.accept, progress)
    files = _write(found.draft, out, settings.system)
    plan = Plan(task=task, chat=settings.chat, system=settings.system, style=found.draft.style)
    return Prepared(table, task, source, found, files, write_plan(plan, out, files))


def _beside(table: str, task: TaskSettings, settings: PrepareSettings, progress: Progress) -> Beside:
    settled = plan_of(Path(table)) is not None
    if settled:
        progress.say(f"{table} was made by finetable prepare: its form is not asked about again")
    validation: tuple[Line, ...] = ()
    if settings.validation is not None:
        other = with_messages_read(read_table(settings.validation), settings.chat, settings.system)
        meant, _ = columns_meant(task, other)
        validation = lines_of(meant, other)
    context = None if settings.base is None else context_of_base(settings.base, task)
    return Beside(validation, context, settled)


def _warn_of_needless(found: Review, accepted: Sequence[str], progress: Progress) -> None:
    proposed = {decision.proposal.name for decision in found.decisions}
    for name in accepted:
        if name not in (*EVERYTHING, "none", *proposed):
            progress.warn(f"--accept names {name}, which is not proposed for this table")


def _write(draft: Draft, out: Path, system: str | None) -> tuple[Path, ...]:
    if draft.valid is None:
        sides = [(out, draft.lines)]
    else:
        held_back = [line.number in draft.valid for line in draft.lines]
        sides = [
            (
                side_of(out, side),
                tuple(line for line, held in zip(draft.lines, held_back, strict=True) if held is is_valid),
            )
            for side, is_valid in zip(SIDES, (False, True), strict=True)
        ]
    for file, _ in sides:
        refuse_existing(file)
    for file, lines in sides:
        write_new(file, partial(_write_lines, lines, draft.chat, system))
    return tuple(file for file, _ in sides)


def _write_lines(lines: Sequence[Line], chat: bool, system: str | None, stream: BinaryIO) -> None:
    for line in lines:
        example = (
            {"messages": messages_of(line, system)}
            if chat
            else {"prompt": line.prompt, "completion": line.completion}
        )
        stream.write(json.dumps(example, ensure_ascii=False).encode() + b"\n")
