"""Checks of what stands around prompts and completions: 11 to 15 of OpenAI's former `prepare_data`.

None of them is asked of chat messages, which the template of a model keeps apart.
"""

from finetable.errors import TableError
from finetable.remote.affixes import (
    common_prefix,
    ending_of,
    new_ending,
    new_separator,
    separator_of,
    whole_words_prefix,
)
from finetable.remote.draft import Draft, Notice, Proposal
from finetable.wording import are_counted, counted, within

LONG_SEPARATOR = 10
LONG_PROMPT_PREFIX = 12
LONG_COMPLETION_PREFIX = 5
EXCERPT_LETTERS = 40


def separator(draft: Draft) -> Proposal | Notice | None:
    """A mark at the end of each prompt tells a model where the completion begins."""
    prompts = draft.prompts
    if draft.kind == "open-ended":
        return None
    if len(set(prompts)) == 1:
        raise TableError(
            f"Every prompt is the same ({shown(prompts[0])}): leave --given out, or name columns that differ."
        )
    found = separator_of(prompts)
    if not found:
        mark = new_separator(prompts)
        new = {line.number: line.prompt + mark for line in draft.lines}
        told = f"No separator ends the prompts, so nothing tells where they end: add {mark!r} to each."
        return Proposal(
            "separator", told, tuple(new), lambda d: d.with_prompts(new, d.styled(separator=mark))
        )
    inside = tuple(line.number for line in draft.lines if found in line.prompt.removesuffix(found))
    if inside:
        told = f"The separator {found!r} stands within {counted(len(inside), 'prompt')} too: choose another."
        return Notice("separator", told, inside)
    if len(found) > LONG_SEPARATOR:
        return Notice("separator", f"The separator {shown(found)} is long: a shorter one costs fewer tokens.")
    return None


def prompt_prefix(draft: Draft) -> Proposal | Notice | None:
    """What every prompt begins with tells a model nothing."""
    if draft.kind == "open-ended":
        return None
    prefix = whole_words_prefix(draft.prompts)
    new = {line.number: line.prompt[len(prefix) :] for line in draft.lines}
    if len(prefix) <= LONG_PROMPT_PREFIX or not all(text.strip() for text in new.values()):
        prefix = common_prefix(draft.prompts)
        told = f"Every prompt begins with {shown(prefix)}."
        return Notice("prompt-prefix", told) if prefix.strip() else None
    told = f"Every prompt begins with {shown(prefix)}, which costs tokens and says nothing: take it away."
    return Proposal(
        "prompt-prefix",
        told,
        tuple(new),
        lambda d: d.with_prompts(new, d.styled(prompt_prefix=d.style.prompt_prefix + prefix)),
    )


def completion_prefix(draft: Draft) -> Proposal | None:
    """What every completion begins with is learnt first and says nothing; one leading blank stays."""
    prefix = whole_words_prefix(draft.completions)
    kept = " " if prefix.startswith(" ") else ""
    new = {line.number: kept + line.completion[len(prefix) :] for line in draft.lines}
    ending = ending_of(draft.completions)
    says_something = all(text.removesuffix(ending).strip() for text in new.values())
    if len(prefix) < LONG_COMPLETION_PREFIX or not says_something:
        return None
    told = f"Every completion begins with {shown(prefix)}: take it away, and add it to what comes back."
    gone = prefix.removeprefix(" ")
    return Proposal(
        "completion-prefix",
        told,
        tuple(new),
        lambda d: d.with_completions(new, d.styled(completion_prefix=d.style.completion_prefix + gone)),
    )


def ending(draft: Draft) -> Proposal | Notice | None:
    """A mark at the end of each completion tells a model, and who calls it, where to stop."""
    completions = draft.completions
    if draft.kind == "open-ended":
        return None
    if len(set(completions)) == 1:
        raise TableError(
            f"Every completion is the same ({shown(completions[0])}): there is nothing to learn."
        )
    if draft.kind == "classification":
        return None
    found = ending_of(completions)
    if not found:
        mark = new_ending(completions)
        new = {line.number: line.completion + mark for line in draft.lines}
        told = f"No ending stands at the end of the completions, so nothing tells when to stop: add {mark!r}."
        return Proposal("ending", told, tuple(new), lambda d: d.with_completions(new, d.styled(ending=mark)))
    inside = tuple(line.number for line in draft.lines if found in line.completion.removesuffix(found))
    if inside:
        told = f"The ending {found!r} stands within {counted(len(inside), 'completion')} too: choose another."
        return Notice("ending", told, inside)
    return None


def leading_space(draft: Draft) -> Proposal | None:
    """Tokens of words have their blank in front, so a completion is learnt better with one."""
    new = {line.number: f" {line.completion}" for line in draft.lines if not line.completion.startswith(" ")}
    if not new:
        return None
    told = f"{are_counted(len(new), 'completion', ('begins', 'begin'))} without a blank, which most tokens "
    told += "have in front: add one."
    return Proposal(
        "leading-space",
        told,
        tuple(new),
        lambda d: d.with_completions(new, d.styled(leading_space=True)),
    )


def existing_style(draft: Draft) -> Draft:
    """The draft with the separator, the ending and the blank that its texts have already."""
    found: dict[str, str | bool] = {
        "separator": "" if draft.kind == "open-ended" else separator_of(draft.prompts),
        "ending": ending_of(draft.completions) if draft.kind == "conditional" else "",
        "leading_space": common_prefix(draft.completions).startswith(" "),
    }
    return draft.with_prompts({}, draft.styled(**{name: value for name, value in found.items() if value}))


def shown(text: str) -> str:
    """A text as it stands in a file, shortened."""
    return repr(within(text, EXCERPT_LETTERS))
