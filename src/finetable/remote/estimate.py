"""What training on a file would take: examples, tokens, and dollars where the price is public."""

from dataclasses import dataclass
from pathlib import Path

from finetable.data.read_table import read_table
from finetable.errors import TableError
from finetable.inference.prices import AS_OF, price_of
from finetable.remote.draft import Line
from finetable.remote.messages import COMPLETION, LEAD, PROMPT, with_messages_read
from finetable.tasks.task import FEWEST_EXAMPLES
from finetable.wording import counted

BYTES_PER_TOKEN = 4
"""A rule of thumb for English and the tokenizers of large models; others differ by half and more."""

MILLION = 1_000_000


@dataclass(frozen=True)
class Estimate:
    """Examples of a file, their tokens by rule of thumb, and the epochs; None where the server decides.

    `hosted` says that the server is not this machine, so that training may cost money.
    """

    examples: int
    tokens: int
    epochs: int | None
    hosted: bool

    def told(self, model: str) -> str:
        """The estimate in a sentence, with the price of training that model where it is known."""
        start = f"{counted(self.examples, 'example')}, about {self.tokens:,} tokens"
        start += f" (at {BYTES_PER_TOKEN} bytes each)"
        if self.epochs is None:
            return f"{start}; the server decides how often each is seen."
        seen = self.tokens * self.epochs
        told = f"{start}, seen {self.epochs} times: about {seen:,} tokens are trained on"
        if not self.hosted:
            return f"{told}."
        dollars = training_cost(model, seen)
        if dollars is None:
            return f"{told}; what {model} costs is not known here."
        return f"{told}, about ${dollars:,.2f} at the public price of {AS_OF}."


def estimate_of(file: Path, epochs: int | None, hosted: bool) -> Estimate:
    """Count what is in a training file; raises TableError where it is none.

    `hosted` servers take the number of epochs that OpenAI's cookbook publishes where none is named; our own
    decides by itself.
    """
    lines = _lines(file)
    if len(lines) < FEWEST_EXAMPLES:
        raise TableError(
            f"{file} has {counted(len(lines), 'example')}; at least {FEWEST_EXAMPLES} are needed to train."
        )
    size = sum(len(text.encode()) for line in lines for text in (line.lead, line.prompt, line.completion))
    seen = epochs if epochs is not None or not hosted else usual_epochs(len(lines))
    return Estimate(len(lines), max(1, size // BYTES_PER_TOKEN), seen, hosted)


def usual_epochs(examples: int) -> int:
    """Epochs that `auto` stands for at OpenAI, by its cookbook on preparing data for chat fine-tuning."""
    if 3 * examples < 100:
        return min(25, 100 // examples)
    return max(1, 25_000 // examples) if 3 * examples > 25_000 else 3


def training_cost(model: str, tokens: int) -> float | None:
    """US dollars for training on so many tokens; None where the price is not public."""
    price = price_of(model)
    if price is None or price.training_per_million is None:
        return None
    return price.training_per_million * tokens / MILLION


def _lines(file: Path) -> list[Line]:
    if file.suffix.lower() != ".jsonl":
        raise TableError(f"{file} is no JSON Lines file: make one with `finetable prepare {file} …`.")
    table = with_messages_read(read_table(str(file)), chat=True, system=None)
    if table.set_aside:
        first = table.set_aside[0]
        raise TableError(f"Line {first.line} of {file} is no example: {first.reason}.")
    if COMPLETION not in table.column_names:
        raise TableError(
            f"{file} holds neither prompts with completions nor messages: use `finetable prepare`."
        )
    columns = [
        table.texts(name).to_pylist() if name in table.column_names else [""] * len(table)
        for name in (PROMPT, COMPLETION, LEAD)
    ]
    return [Line(int(number), *cells) for number, *cells in zip(table.lines, *columns, strict=True)]
