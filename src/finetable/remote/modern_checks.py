"""Checks that came after OpenAI's `prepare_data`: contexts, leaks, conflicts, balance, splits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from finetable.data.pairs import EqualTexts
from finetable.data.splits import group_rows, near_groups, split_rows
from finetable.data.suspicious import kind_of_personal_data
from finetable.remote.draft import Draft, Line, Notice, Proposal
from finetable.wording import are_counted, counted, quoted

LABELS_SHOWN = 10
FEW_OF_A_LABEL = 10
IMBALANCE = 10
MOST_VALIDATION_ROWS, TRAINING_TENTHS = 1000, 8
_TRAIN = 0


def context(draft: Draft) -> Proposal | None:
    """Examples with more tokens than the base can see, counted with its own tokenizer."""
    base = draft.beside.context
    if base is None:
        return None
    counts = base.tokens_of(draft.lines)
    long = tuple(line.number for line, tokens in zip(draft.lines, counts, strict=True) if tokens > base.most)
    if not long:
        return None
    told = f"{are_counted(len(long), 'example')} longer than the {base.most:,} tokens that {base.base} "
    return Proposal("context", f"{told}sees: leave out.", long, lambda d: d.without(long))


def leakage(draft: Draft) -> Proposal | None:
    """Examples whose text, or nearly that text, stands in the validation table."""
    if not draft.beside.validation:
        return None
    texts = [draft.key(line) for line in (*draft.lines, *draft.beside.validation)]
    groups = near_groups(texts, group_rows([texts]))
    judged_on = set(groups[len(draft.lines) :].tolist())
    leaking = tuple(
        line.number for line, group in zip(draft.lines, groups.tolist(), strict=False) if group in judged_on
    )
    if not leaking:
        return None
    told = (
        f"{are_counted(len(leaking), 'example')} equal or nearly equal to one of the validation table, which "
    )
    return Proposal(
        "leakage",
        f"{told}would make a model look better than it is: leave out.",
        leaking,
        lambda d: d.without(leaking),
    )


def near_duplicates(draft: Draft) -> Notice | None:
    """Examples with the text of an earlier one, or nearly."""
    texts, lines = _filled(draft)
    found = EqualTexts.among(texts, lines)
    near = tuple(sorted(pair.line for pair in (*found.duplicates(), *found.near_duplicates())))
    if not near:
        return None
    of = "prompt" if draft.kind == "classification" else "completion"
    told = f"{are_counted(len(near), 'example', ('has', 'have'))} the {of} of an earlier one, or nearly: "
    return Notice("near-duplicates", f"{told}keep both on one side of a split.", near)


def conflicting_labels(draft: Draft) -> Notice | None:
    """Prompts that stand under several labels."""
    if draft.kind != "classification":
        return None
    texts, lines = _filled(draft)
    label_of = {line.number: line.completion for line in draft.lines}
    found = EqualTexts.among(texts, lines).conflicts([label_of[number] for number in lines.tolist()])
    if not found:
        return None
    told = f"{are_counted(len(found), 'prompt', ('stands', 'stand'))} under several labels: correct them."
    return Notice("conflicting-labels", told, tuple(line for each in found for line in each.lines))


def balance(draft: Draft) -> Notice | None:
    """Labels that are much rarer than others, or too rare to be learnt."""
    if draft.kind != "classification":
        return None
    labels = Counter(line.completion.strip() for line in draft.lines).most_common()
    most, least = labels[0][1], labels[-1][1]
    if least >= FEW_OF_A_LABEL and most < IMBALANCE * least:
        return None
    rare = [label for label, rows in labels if rows < FEW_OF_A_LABEL or IMBALANCE * rows <= most]
    told = f"{are_counted(len(rare), 'label')} rare ({quoted(rare, LABELS_SHOWN)}): the most frequent, "
    return Notice("balance", f"{told}{labels[0][0]!r}, has {counted(most, 'example')}, the rarest {least:,}.")


def personal_data(draft: Draft) -> Notice | None:
    """Examples that seem to hold personal data, which leaves this machine with an upload."""
    kinds: Counter[str] = Counter()
    found = []
    for line in draft.lines:
        kind = kind_of_personal_data(line.prompt) or kind_of_personal_data(line.completion)
        if kind is not None:
            kinds[kind] += 1
            found.append(line.number)
    if not found:
        return None
    told = ", ".join(f"{rows:,} × {kind}" for kind, rows in kinds.most_common())
    what = f"{are_counted(len(found), 'example', ('seems', 'seem'))} to hold personal data ({told}): "
    return Notice("personal-data", f"{what}look before you upload.", tuple(found))


def split(draft: Draft) -> Proposal | None:
    """A set of labels into a training and a validation file, as the old tool sizes them.

    Equal and nearly equal prompts stay on one side, and each label keeps its share.
    """
    decided = draft.valid is not None or draft.beside.settled or draft.beside.validation
    if draft.kind != "classification" or decided:
        return None
    rows = len(draft.lines)
    training = max(rows - MOST_VALIDATION_ROWS, TRAINING_TENTHS * rows // 10) / rows
    groups = near_groups(draft.prompts, group_rows([draft.prompts]))
    sides = split_rows(groups, draft.completions, 0, (training, 1 - training, 0.0))
    held_back = _numbers(draft.lines, sides != _TRAIN)
    if not held_back or len(held_back) == rows:
        return None
    told = (
        f"Hold back {counted(len(held_back), 'example')} in a validation file, so that a model is judged on "
    )
    return Proposal(
        "split", f"{told}what it never saw.", held_back, lambda d: replace(d, valid=frozenset(held_back))
    )


def _filled(draft: Draft) -> tuple[list[str], NDArray[np.int64]]:
    """The texts by which examples are compared, none of them blank, and their lines."""
    filled = [line for line in draft.lines if draft.key(line).strip()]
    numbers = np.array([line.number for line in filled], dtype=np.int64)
    return [draft.key(line) for line in filled], numbers


def _numbers(lines: Sequence[Line], where: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(lines[place].number for place in np.flatnonzero(where).tolist())
