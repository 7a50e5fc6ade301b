"""All checks of a draft, in the order of OpenAI's former `prepare_data`, then what came after it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from finetable.errors import RecipeError, TableError
from finetable.remote.affix_checks import (
    completion_prefix,
    ending,
    existing_style,
    leading_space,
    prompt_prefix,
    separator,
)
from finetable.remote.draft import Check, Draft, Notice, Proposal
from finetable.remote.modern_checks import (
    balance,
    conflicting_labels,
    context,
    leakage,
    near_duplicates,
    personal_data,
    split,
)
from finetable.remote.row_checks import (
    classification,
    count,
    duplicates,
    empty_completions,
    long_examples,
    lower_case_completions,
    lower_case_prompts,
)
from finetable.wording import did_you_mean

# Columns, the second to fourth check of the old tool, are settled while the table is read.
CHECKS: tuple[Check, ...] = (
    count,
    empty_completions,
    classification,
    duplicates,
    long_examples,
    lower_case_prompts,
    lower_case_completions,
    separator,
    prompt_prefix,
    completion_prefix,
    ending,
    leading_space,
    context,
    leakage,
    near_duplicates,
    conflicting_labels,
    balance,
    personal_data,
    split,
)

OF_COMPLETION_FILES = (separator, prompt_prefix, completion_prefix, ending, leading_space)
"""Not asked of chats, whose messages the template of a model keeps apart."""

OF_FORM = (lower_case_prompts, lower_case_completions, *OF_COMPLETION_FILES)
"""Not asked again of a file that prepare made: half of a split file may share what the whole does not."""

ALL, NONE = "all", "none"

MOST_ROUNDS = 100
"""Far more than any table takes: two or three do."""


@dataclass(frozen=True)
class Decision:
    """A proposal, whether it is accepted, and the first line it changes: its number, before, after."""

    proposal: Proposal
    accepted: bool
    example: tuple[int, str, str] | None


@dataclass(frozen=True)
class Review:
    """The draft with everything accepted done to it, what was decided in turn, and what else to know."""

    draft: Draft
    decisions: tuple[Decision, ...]
    notices: tuple[Notice, ...]


def check_accepted(names: Sequence[str]) -> None:
    """Raise RecipeError for a name that no check has; it names the nearest."""
    known = [_name(check) for check in CHECKS]
    for name in names:
        if name not in (*known, ALL, NONE):
            raise RecipeError(f"--accept names {name!r}, which is no proposal.{did_you_mean(name, known)}")
    if len(names) > 1 and {ALL, NONE} & set(names):
        raise RecipeError("--accept takes all, none, or names of proposals, not both.")


def review(draft: Draft, accepted: Collection[str]) -> Review:
    """Run the checks in their order, again and again until none has anything left that is accepted.

    What is proposed follows from what was accepted before it: small letters can make two examples equal,
    for instance, which are then duplicates. Raises TableError where no example would be left.
    """
    decisions: list[Decision] = []
    notices: list[Notice] = []
    checks = _checks_for(draft)
    if not draft.chat:
        draft = existing_style(draft)
    for _ in range(MOST_ROUNDS):
        changed, notices = False, []
        for check in checks:
            found = check(draft)
            if isinstance(found, Notice):
                notices.append(found)
            if not isinstance(found, Proposal):
                continue
            is_accepted = found.necessary or ALL in accepted or found.name in accepted
            if is_accepted:
                after = _applied(found, draft)
                decisions.append(Decision(found, True, _first_change(draft, after)))
                draft, changed = after, True
            elif found.name not in {made.proposal.name for made in decisions if not made.accepted}:
                decisions.append(Decision(found, False, _first_change(draft, found.apply(draft))))
        if not changed:
            return Review(draft, tuple(decisions), tuple(notices))
    raise AssertionError("a check proposes again and again what was done already")


def _checks_for(draft: Draft) -> list[Check]:
    left_out = set(OF_COMPLETION_FILES) if draft.chat else set()
    if draft.beside.settled:
        left_out |= set(OF_FORM)
    return [check for check in CHECKS if check not in left_out]


def _applied(proposal: Proposal, draft: Draft) -> Draft:
    after = proposal.apply(draft)
    if not after.lines:
        raise TableError(f"Nothing would be left with {proposal.name}: {proposal.sentence}")
    return after


def _first_change(before: Draft, after: Draft) -> tuple[int, str, str] | None:
    """The first text that is written otherwise; None where lines only go."""
    new = {line.number: line for line in after.lines}
    for line in before.lines:
        other = new.get(line.number, line)
        if other.prompt != line.prompt:
            return line.number, line.prompt, other.prompt
        if other.completion != line.completion:
            return line.number, line.completion, other.completion
    return None


def _name(check: Check) -> str:
    return getattr(check, "__name__", "").replace("_", "-")
