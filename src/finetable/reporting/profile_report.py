"""What was found in a table: a few lines, the keys of `profile --json`, and a page."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from finetable.data.profile import ColumnProfile, Profile
from finetable.data.table import set_aside_lines
from finetable.reporting.figures import draw
from finetable.reporting.gather import findings_of_profile
from finetable.reporting.page import Grid, KeyFigure, Page, Section, render
from finetable.tasks.task import FEWEST_EXAMPLES
from finetable.wording import (
    NAME_LETTERS,
    are_counted,
    counted,
    duration,
    memory,
    on_lines,
    printable,
    some,
    within,
)

MOST_SHOWN = 200
MOST_LINES_OF_ONE = 20


def profile_lines(profile: Profile) -> list[str]:
    """What a person reads on the terminal: what could go wrong first, then what there is."""
    lines = [
        verdict(profile),
        *profile.notes,
        *(f"  {line}" for line in set_aside_lines(profile.set_aside)),
        *doubts(profile),
        *_columns(profile),
        *_labels(profile),
        *_lengths(profile),
        *(f"topic {100 * t.share:3.0f} %  {', '.join(t.words)}" for t in profile.topics),
        *_estimate(profile),
    ]
    # Names and labels are somebody else's: no line breaks, and nothing that a terminal would obey.
    return [line if line.isprintable() else printable(line) for line in lines]


def verdict(profile: Profile) -> str:
    """The table in one sentence."""
    found = [
        f"{counted(count, name)}{what}"
        for count, name, what in (
            (len(profile.set_aside), "row", " set aside"),
            (len(profile.duplicates), "duplicate", ""),
            (len(profile.near_duplicates), "near duplicate", ""),
            (len(profile.conflicts), "text", " under several labels"),
            (len({(s.column, s.line) for s in profile.suspicions}), "suspicious cell", ""),
            (len(_mostly_blank(profile)), "mostly blank column", ""),
        )
        if count
    ]
    if profile.rows < FEWEST_EXAMPLES:
        found.insert(0, f"too few to learn from, {FEWEST_EXAMPLES} rows are needed")
    start = f"{profile.name} has {counted(profile.rows, 'row')} and {counted(len(profile.columns), 'column')}"
    if found:
        return f"{start}: {', '.join(found)}."
    return f"{start}." if profile.notes else f"{start}; nothing suspicious was found."


def profile_json(profile: Profile) -> dict[str, Any]:
    """The keys that `profile --json` promises, and more."""
    return {
        "name": profile.name,
        "format": profile.format,
        "rows": profile.rows,
        "set_aside": [vars(row) for row in profile.set_aside],
        "columns": [vars(column) for column in profile.columns],
        "text": profile.text,
        "label": profile.label,
        "duplicates": [vars(pair) for pair in profile.duplicates],
        "near_duplicates": [vars(pair) for pair in profile.near_duplicates],
        "conflicting_labels": [vars(conflict) for conflict in profile.conflicts],
        "suspicions": [vars(suspicion) for suspicion in profile.suspicions],
        "labels": profile.labels,
        "lengths": [lengths.figures() for lengths in profile.lengths],
        "topics": [vars(topic) for topic in profile.topics],
        "training": None if profile.estimate is None else vars(profile.estimate),
        "notes": list(profile.notes),
    }


def profile_report(profile: Profile) -> str:
    """One HTML page about a table."""
    return render(
        Page(
            title=f"finetable: {profile.name}",
            verdict=verdict(profile),
            about=" ".join(
                [
                    f"Read as {profile.format}. Rows are compared by: {profile.text or 'nothing'}.",
                    *profile.notes,
                ]
            ),
            key_figures=_key_figures(profile),
            sections=[
                Section("columns", "Columns", grids=[_column_grid(profile)]),
                Section("doubts", "What to look at", grids=_doubt_grids(profile)),
                Section("pictures", "Pictures", figures=draw(findings_of_profile(profile))),
            ],
        )
    )


def doubts(profile: Profile) -> list[str]:
    """A line for each thing that a person should look at, with the first lines of the table it concerns."""
    lines = []
    if profile.duplicates:
        lines.append(
            f"{len(profile.duplicates):,} × the same {profile.text} as an earlier row "
            f"({on_lines([pair.line for pair in profile.duplicates])})"
        )
    if profile.near_duplicates:
        lines.append(
            f"{len(profile.near_duplicates):,} × nearly the same {profile.text} as an earlier row, or linked "
            f"to one by others that are ({on_lines([pair.line for pair in profile.near_duplicates])})"
        )
    if profile.conflicts:
        first = [conflict.lines[0] for conflict in profile.conflicts]
        lines.append(f"{len(profile.conflicts):,} × the same text under several labels ({on_lines(first)})")
    kinds = Counter((suspicion.kind, suspicion.column) for suspicion in profile.suspicions)
    for (kind, column), count in kinds.most_common():
        where = [s.line for s in profile.suspicions if (s.kind, s.column) == (kind, column)]
        lines.append(f"{count:,} × {kind} in {within(column, NAME_LETTERS)} ({on_lines(where)})")
    for blank in _mostly_blank(profile):
        name = within(blank.name, NAME_LETTERS)
        lines.append(f"{name} is blank in {blank.missing:,} of {counted(profile.rows, 'row')}")
    return lines


def _mostly_blank(profile: Profile) -> list[ColumnProfile]:
    return [column for column in profile.columns if 2 * column.missing > profile.rows]


def _columns(profile: Profile) -> list[str]:
    names = {column.name: within(column.name, NAME_LETTERS) for column in profile.columns}
    width = max(map(len, names.values()), default=0)
    lines = []
    for column in profile.columns:
        parts = [f"{column.distinct:,} different"]
        if column.values is not None:
            parts.append(f"cells hold several of {column.values:,} values")
        if column.median_words >= 2:
            parts.append(f"median {column.median_words:g} words")
        if column.missing:
            parts.append(f"{column.missing:,} blank")
        if column.role:
            parts.append(f"role: {column.role}")
        lines.append(f"{names[column.name]:<{width}}  {column.kind:<8}  {', '.join(parts)}")
    return lines


def _labels(profile: Profile) -> list[str]:
    if not profile.labels:
        return []
    total = sum(profile.labels.values())
    shown = list(profile.labels.items())[:10]
    told = ", ".join(f"{label} {count:,} ({100 * count / total:.0f} %)" for label, count in shown)
    more = f" and {len(profile.labels) - len(shown):,} more" if len(profile.labels) > len(shown) else ""
    return [f"labels in {within(profile.label or '', NAME_LETTERS)}: {told}{more}"]


def _lengths(profile: Profile) -> list[str]:
    lines = []
    for lengths in profile.lengths:
        told = lengths.figures()
        if not told["n"]:
            continue
        line = (
            f"{lengths.unit} of {within(lengths.column, 2 * NAME_LETTERS)}: median {told['median']:g}, "
            f"from {told['min']:,} to {told['max']:,}"
        )
        if lengths.limit is not None:
            line += f"; the base sees {lengths.limit:,}, {are_counted(lengths.over_limit, 'row')} longer"
        lines.append(line)
    return lines


def _estimate(profile: Profile) -> list[str]:
    found = profile.estimate
    if found is None:
        return []
    return [
        f"training to {found.job} from {found.base} would take about {duration(found.seconds)} here and "
        f"{memory(found.memory_bytes)} of memory"
    ]


def _key_figures(profile: Profile) -> list[KeyFigure]:
    found = [
        KeyFigure("Rows", f"{profile.rows:,}", beside=f"{len(profile.set_aside):,} set aside"),
        KeyFigure(
            "Duplicates", f"{len(profile.duplicates):,}", beside="equal but for case, blanks, punctuation"
        ),
        KeyFigure(
            "Near duplicates", f"{len(profile.near_duplicates):,}", beside="four fifths of 3-word runs shared"
        ),
        KeyFigure("Suspicious cells", f"{len({(s.column, s.line) for s in profile.suspicions}):,}"),
    ]
    if profile.labels:
        found.append(KeyFigure("Texts under several labels", f"{len(profile.conflicts):,}"))
    if profile.estimate is not None:
        found.append(
            KeyFigure(
                "Training here",
                duration(profile.estimate.seconds),
                beside=f"{profile.estimate.job} from {profile.estimate.base}, "
                f"{memory(profile.estimate.memory_bytes)}",
            )
        )
    return found


def _column_grid(profile: Profile) -> Grid:
    rows = [
        (
            column.name,
            column.kind,
            column.role,
            f"{column.distinct:,}",
            f"{column.missing:,}",
            f"{column.median_words:g}",
            "" if column.values is None else f"{column.values:,}",
        )
        for column in profile.columns
    ]
    header = ("Column", "Kind", "Could be", "Different", "Blank", "Words, median", "Values in lists")
    return Grid("What each holds", "", header, rows, frozenset({3, 4, 5, 6}))


def _doubt_grids(profile: Profile) -> list[Grid]:
    pairs = [
        (f"{p.line:,}", f"{p.other_line:,}", f"{p.similarity:.2f}", p.excerpt)
        for p in (*profile.duplicates, *profile.near_duplicates)
    ]
    conflicts = [
        (some(c.lines, MOST_LINES_OF_ONE), ", ".join(c.labels), c.excerpt) for c in profile.conflicts
    ]
    suspicions = [(s.kind, s.column, f"{s.line:,}", s.excerpt) for s in profile.suspicions]
    aside = [(f"{row.line:,}", row.reason) for row in profile.set_aside]
    shared = "the share of runs of three words that both have; 1 where they are equal"
    grids = [
        _grid("Rows set aside", "", ("Line", "Reason"), aside, {0}),
        _grid("Suspicious cells", "", ("What", "Column", "Line", "Excerpt"), suspicions, {2}),
        _grid("Texts under several labels", "", ("Lines", "Labels", "Text"), conflicts, set()),
        _grid(
            "Equal and nearly equal texts",
            f"Similarity: {shared}.",
            ("Line", "Like line", "Similarity", "Text"),
            pairs,
            {0, 1, 2},
        ),
    ]
    return [grid for grid in grids if grid.rows]


def _grid(
    title: str, caption: str, header: tuple[str, ...], rows: Sequence[tuple[str, ...]], numbers: set[int]
) -> Grid:
    shown = f"The first {MOST_SHOWN} of {len(rows):,}. " if len(rows) > MOST_SHOWN else ""
    return Grid(f"{title}: {len(rows):,}", f"{shown}{caption}", header, rows[:MOST_SHOWN], frozenset(numbers))
