"""What a comparison found, and how it stands in RESULTS.md."""

from dataclasses import dataclass, field
from pathlib import Path

BEGIN, END = "<!-- {name} begins -->", "<!-- {name} ends -->"


@dataclass(frozen=True)
class Ratio:
    """Median of the pairs, the lowest and the highest of them; `wanted` is the least that was aimed at."""

    what: str
    median: float
    lowest: float
    highest: float
    pairs: int
    wanted: float | None = None
    at_most: bool = False

    def line(self) -> str:
        """As a row of a table."""
        wanted = "" if self.wanted is None else f"{'≤' if self.at_most else '≥'} {self.wanted:g}"
        return (
            f"| {self.what} | **{self.median:.3g}** | {self.lowest:.3g} – {self.highest:.3g} | {self.pairs} "
            f"| {wanted} | {self.verdict()} |"
        )

    def verdict(self) -> str:
        """Whether what was aimed at was reached."""
        if self.wanted is None:
            return ""
        reached = self.median <= self.wanted if self.at_most else self.median >= self.wanted
        return "reached" if reached else "missed"


@dataclass(frozen=True)
class Speed:
    """One contestant's median, in `unit`, and the most memory that its process took."""

    contestant: str
    value: float
    unit: str
    peak_mb: float | None


@dataclass(frozen=True)
class Section:
    """One comparison."""

    name: str
    title: str
    how: str
    speeds: list[Speed] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The section, as it stands in RESULTS.md."""
        parts = [f"## {self.title}", self.how]
        if self.speeds:
            rows = [
                f"| {each.contestant} | {each.value:,.4g} {each.unit} | {_memory(each.peak_mb)} |"
                for each in self.speeds
            ]
            parts.append("\n".join(["| | median | peak memory |", "|---|---:|---:|", *rows]))
        if self.ratios:
            head = ["| | median | lowest – highest | pairs | aim | |", "|---|---:|---:|---:|---:|---|"]
            parts.append("\n".join([*head, *(each.line() for each in self.ratios)]))
        if self.notes:
            parts.append("\n".join(f"- {note}" for note in self.notes))
        return "\n\n".join(parts)


def write_section(page: Path, section: Section, measured: str) -> None:
    """Put a section, and where it was measured, into its place on the page, or at its end."""
    begin, end = (mark.format(name=section.name) for mark in (BEGIN, END))
    text = page.read_text(encoding="utf-8")
    body = f"{begin}\n{section.markdown()}\n\n{measured}\n{end}"
    if begin in text:
        before, rest = text.split(begin, 1)
        text = before + body + rest.split(end, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{body}\n"
    page.write_text(text, encoding="utf-8")


def _memory(peak_mb: float | None) -> str:
    return "" if peak_mb is None else f"{peak_mb:,.0f} MB"
