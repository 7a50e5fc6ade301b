"""One self-contained HTML page: verdict first, then contents, then everything that stands behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from finetable.reporting.figure import FIGURE_CSS, Figure
from finetable.reporting.marked import CopiedPair
from finetable.reporting.word_cloud import CAN_LAY_OUT


@dataclass(frozen=True)
class KeyFigure:
    """A number that a reader looks for first: what it is, its value and interval, what to hold it against."""

    name: str
    value: str
    interval: str = ""
    beside: str = ""


@dataclass(frozen=True)
class Grid:
    """Rows and columns of texts; `number_columns` are set flush right."""

    title: str
    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    number_columns: frozenset[int] = frozenset()


@dataclass(frozen=True)
class SampleSet:
    """What a model wrote after a step, from the same seeds each time, with the copied words of each text."""

    step: int
    texts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Section:
    """A part of a page under a heading."""

    slug: str
    title: str
    intro: str = ""
    figures: Sequence[Figure] = ()
    grids: Sequence[Grid] = ()
    samples: Sequence[SampleSet] = ()
    copies: Sequence[CopiedPair] = ()
    commands: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing below the heading."""
        return not (self.figures or self.grids or self.samples or self.copies or self.commands)


@dataclass(frozen=True)
class Page:
    """A page; empty sections are left out."""

    title: str
    verdict: str
    about: str
    key_figures: Sequence[KeyFigure]
    sections: Sequence[Section]


def render(page: Page) -> str:
    """The page as HTML. Every text is escaped: tables and models are not to be trusted with markup."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [section for section in page.sections if not section.is_empty]
    return environment.get_template("page.html.jinja").render(
        page=page, sections=sections, figure_css=FIGURE_CSS, has_clouds=CAN_LAY_OUT
    )
