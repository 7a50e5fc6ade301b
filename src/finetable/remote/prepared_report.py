"""What `prepare` found, in lines for a person and as one JSON object."""

import shlex
from pathlib import Path
from typing import Any

from finetable.name_lists import join_names
from finetable.remote.draft import Notice, Proposal
from finetable.remote.prepare import Prepared
from finetable.remote.review import ALL, Decision
from finetable.verb_settings import PrepareSettings
from finetable.wording import NAME_LETTERS, counted, on_lines, printable, within

TEACHES = {
    "open-ended": "texts written from nothing",
    "conditional": "texts written from a prompt",
    "classification": "labels read from a prompt",
}


def prepared_lines(found: Prepared, command: str) -> list[str]:
    """What a person reads: what would change or did, what else to know, and what comes next."""
    draft = found.review.draft
    start = f"{found.table}: {counted(found.rows, 'row')}, {TEACHES[draft.kind]}"
    lines = [start + (" in chat messages." if draft.chat else ".")]
    for decision in found.review.decisions:
        lines += _told(decision, found.rows, bool(found.files))
    lines += [
        f"note      {notice.name}: {notice.sentence}{_places(notice, found.rows)}"
        for notice in found.review.notices
    ]
    if not found.review.decisions:
        lines.append("Nothing to change.")
    lines += _form(found) + _outcome(found, command)
    return [line if line.isprintable() else printable(line) for line in lines]


def prepared_json(found: Prepared, command: str) -> dict[str, Any]:
    """The same as one object; line numbers are those of the table's file, all of them."""
    draft = found.review.draft
    held_back = len(draft.valid or ())
    return {
        "table": found.table,
        "kind": draft.kind,
        "chat": draft.chat,
        "rows": found.rows,
        "set_aside": [vars(row) for row in found.source.set_aside],
        "examples": len(draft.lines) - held_back,
        "validation_examples": held_back,
        "proposals": [_proposal_json(decision) for decision in found.review.decisions],
        "notices": [vars(notice) for notice in found.review.notices],
        "style": draft.style.model_dump(),
        "files": [str(file) for file in found.files],
        "plan": None if found.plan is None else str(found.plan),
        "command": None if found.files else command,
    }


def command_of(table: str, out: Path, settings: PrepareSettings) -> str:
    """The command that writes the file with all that is proposed."""
    words = ["finetable", "prepare", table]
    usual = PrepareSettings().flat()
    for name, value in {**settings.flat(), "accept": (ALL,)}.items():
        option = f"--{name.replace('_', '-')}"
        if value == usual[name]:
            continue
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            words += [option, join_names(value) if isinstance(value, tuple) else str(value)]
    return shlex.join([*words, "--out", str(out)])


def _told(decision: Decision, rows: int, is_written: bool) -> list[str]:
    proposal = decision.proposal
    word = "necessary" if proposal.necessary else "proposed "
    if is_written:
        word = "done     " if decision.accepted else "declined "
    lines = [f"{word} {proposal.name}: {proposal.sentence}{_places(proposal, rows)}"]
    if decision.example is not None:
        number, before, after = decision.example
        lines.append(f"          line {number}: {_shown(before)} becomes {_shown(after)}")
    return lines


def _shown(text: str) -> str:
    return repr(within(text, NAME_LETTERS))


def _places(told: Proposal | Notice, rows: int) -> str:
    if not told.lines:
        return ""
    if len(told.lines) == rows:
        return " (every line)"
    return f" ({on_lines(told.lines)})"


def _form(found: Prepared) -> list[str]:
    """What whoever asks the model has to know."""
    style = found.review.draft.style
    lines = []
    if style.separator:
        lines.append(f"Prompts end with {style.separator!r}: end those that you ask with it, too.")
    if style.ending:
        lines.append(f"Completions end with {style.ending!r}: ask with stop={[style.ending]!r}.")
    return lines


def _outcome(found: Prepared, command: str) -> list[str]:
    if not found.files:
        told = "To accept all of it, or some by name" if found.review.decisions else "To write it as it is"
        return [f"Nothing was written. {told}:", command]
    draft = found.review.draft
    held_back = len(draft.valid or ())
    sizes = [len(draft.lines) - held_back, held_back]
    wrote = [
        f"Wrote {file}: {counted(size, 'example')}" for file, size in zip(found.files, sizes, strict=False)
    ]
    words = ["finetable", "jobs", "create", str(found.files[0])]
    words += ["--validation", str(found.files[1])] if len(found.files) > 1 else []
    return [*wrote, f"Next: {shlex.join(words)}"]


def _proposal_json(decision: Decision) -> dict[str, Any]:
    proposal = decision.proposal
    return {
        "name": proposal.name,
        "sentence": proposal.sentence,
        "lines": list(proposal.lines),
        "necessary": proposal.necessary,
        "accepted": decision.accepted,
        "example": decision.example,
    }
