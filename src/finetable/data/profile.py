"""What is in a table and what would go wrong with it: found before any training."""

from dataclasses import dataclass, field
from typing import Literal

from finetable.data.lengths import Lengths
from finetable.data.table import SetAside

ColumnKind = Literal["text", "label", "list", "number", "date", "id", "constant", "empty"]
SuspicionKind = Literal[
    "mojibake",
    "letters lost",
    "HTML entities",
    "very short",
    "very long",
    "another script",
    "e-mail address",
    "phone number",
]


@dataclass(frozen=True)
class ColumnProfile:
    """One column: what it holds, and what it could serve for.

    `role` is a guess: "write", "label", "given", or "" for none. `distinct` counts the different cells that
    are not blank; `values` counts the different values within the cells of a list, None elsewhere.
    """

    name: str
    kind: ColumnKind
    role: str
    missing: int
    distinct: int
    median_words: float
    values: int | None = None


@dataclass(frozen=True)
class Pair:
    """Two rows with equal or nearly equal texts, by the lines on which they begin.

    `similarity` is the Jaccard similarity of their runs of three words, 1 for equal texts.
    """

    line: int
    other_line: int
    similarity: float
    excerpt: str


@dataclass(frozen=True)
class Conflict:
    """One text that stands under several labels."""

    lines: tuple[int, ...]
    labels: tuple[str, ...]
    excerpt: str


@dataclass(frozen=True)
class Suspicion:
    """A cell that a person should look at."""

    kind: SuspicionKind
    column: str
    line: int
    excerpt: str


@dataclass(frozen=True)
class Topic:
    """What some of the texts are about: words from the most telling on, share of the texts, some lines."""

    words: tuple[str, ...]
    share: float
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Estimate:
    """What training on the table would take here with the default recipe of a job."""

    job: str
    base: str
    seconds: float
    memory_bytes: int


@dataclass(frozen=True, eq=False)
class Profile:
    """Everything that was found in a table.

    `text` names the column or columns by which rows are compared; `labels` counts the rows of each label,
    empty where no label column is known; `word_counts` holds the most frequent telling words of the texts.
    """

    name: str
    format: str
    notes: tuple[str, ...]
    rows: int
    set_aside: tuple[SetAside, ...]
    columns: tuple[ColumnProfile, ...]
    text: str
    label: str | None
    duplicates: tuple[Pair, ...] = ()
    near_duplicates: tuple[Pair, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    labels: dict[str, int] = field(default_factory=dict)
    lengths: tuple[Lengths, ...] = ()
    topics: tuple[Topic, ...] = ()
    topic_rows: int = 0
    word_counts: dict[str, int] = field(default_factory=dict)
    estimate: Estimate | None = None
