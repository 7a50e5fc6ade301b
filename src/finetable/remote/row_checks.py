"""Checks of whole examples, in the order of OpenAI's former `prepare_data`: 1, 5 to 10."""

from collections.abc import Iterable
from operator import ne

from finetable.errors import TableError
from finetable.remote.affixes import ending_of
from finetable.remote.draft import Draft, Notice, Proposal
from finetable.tasks.task import FEWEST_EXAMPLES
from finetable.wording import are_counted, counted, quoted

ADVISED_EXAMPLES = 100
MOST_CHARACTERS = 10_000
ROWS_PER_LABEL = 3
LABELS_SHOWN = 3


def count(draft: Draft) -> Notice | None:
    """Too few examples to learn from; how many there are is always said."""
    examples = len(draft.lines)
    if examples >= ADVISED_EXAMPLES:
        return None
    fewest = f" at least {FEWEST_EXAMPLES} are taken," if examples < FEWEST_EXAMPLES else ""
    return Notice(
        "count",
        f"{are_counted(examples, 'example')} few:{fewest} a few hundred are advised, and more of them "
        "make a better model.",
    )


def empty_completions(draft: Draft) -> Proposal | None:
    """Examples without a completion teach nothing; raises TableError where there is no other."""
    empty = tuple(line.number for line in draft.lines if not line.completion.strip())
    if len(empty) == len(draft.lines):
        raise TableError("No row has a completion: name another column with --write or --label.")
    if not empty:
        return None
    told = f"{are_counted(len(empty), 'row', ('has', 'have'))} no completion and must be left out."
    return Proposal("empty-completions", told, empty, lambda d: d.without(empty), necessary=True)


def classification(draft: Draft) -> Notice | None:
    """Completions that come again and again are labels, which are better chosen than written."""
    distinct = len(set(draft.completions))
    if draft.kind != "conditional" or distinct * ROWS_PER_LABEL >= len(draft.lines):
        return None
    shown = quoted(sorted(set(draft.completions)), LABELS_SHOWN)
    return Notice(
        "classification",
        f"{are_counted(distinct, 'completion')} all that {counted(len(draft.lines), 'example')} have "
        f"({shown}): if these are labels, name the column with --label.",
    )


def duplicates(draft: Draft) -> Proposal | None:
    """The same prompt with the same completion a second time."""
    seen: set[tuple[str, str, str]] = set()
    again = []
    for line in draft.lines:
        example = (line.lead, line.prompt, line.completion)
        if example in seen:
            again.append(line.number)
        seen.add(example)
    if not again:
        return None
    told = f"{are_counted(len(again), 'example')} the same as an earlier one: leave out the later."
    return Proposal("duplicates", told, tuple(again), lambda d: d.without(again))


def long_examples(draft: Draft) -> Proposal | None:
    """Examples that are too long for most models, where no base says what it can see."""
    if draft.kind == "open-ended" or draft.beside.context is not None:
        return None
    long = tuple(
        line.number for line in draft.lines if len(line.prompt) + len(line.completion) > MOST_CHARACTERS
    )
    if not long:
        return None
    told = f"{are_counted(len(long), 'example')} longer than {MOST_CHARACTERS:,} characters: leave out."
    return Proposal("long-examples", told, long, lambda d: d.without(long))


def lower_case_prompts(draft: Draft) -> Proposal | None:
    """Prompts that are mostly in capitals."""
    if not _shouts(draft.prompts):
        return None
    new = {line.number: line.prompt.lower() for line in draft.lines if line.prompt != line.prompt.lower()}
    told = "The prompts have more than a third of their letters in capitals, which models know less well: "
    return Proposal(
        "lower-case-prompts",
        told + "write them in small letters.",
        tuple(new),
        lambda d: d.with_prompts(new, d.styled(lower_prompts=True)),
    )


def lower_case_completions(draft: Draft) -> Proposal | None:
    """Completions that are mostly in capitals; an ending such as ` END` is no part of them."""
    # A label's ending is never added, so what labels share is part of them.
    ending = ending_of(draft.completions) if draft.kind == "conditional" and not draft.chat else ""
    bodies = {line.number: line.completion.removesuffix(ending) for line in draft.lines}
    if not _shouts(bodies.values()):
        return None
    new = {number: body.lower() + ending for number, body in bodies.items() if body != body.lower()}
    before, after = len(set(bodies.values())), len({body.lower() for body in bodies.values()})
    merged = f" {before:,} different ones become {after:,}." if after < before else ""
    told = (
        "The completions have more than a third of their letters in capitals, which models know less well: "
    )
    return Proposal(
        "lower-case-completions",
        f"{told}write them in small letters.{merged}",
        tuple(new),
        lambda d: d.with_completions(new, d.styled(lower_completions=True)),
    )


def _shouts(texts: Iterable[str]) -> bool:
    """Whether there are more than half as many capitals as small letters.

    A capital is what `lower` changes: some letters have no small ones, and would be proposed for ever.
    """
    capitals = small = 0
    for text in texts:
        capitals += sum(map(ne, text, map(str.lower, text)))
        small += sum(map(str.islower, text))
    return 2 * capitals > small
