"""Names of columns: those of a file, none empty and none twice, and those that a person means."""

from collections.abc import Sequence


def usable_names(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """The names to use, (columns,), and a sentence for each that had to be changed.

    An empty name becomes `column_3` after its position from 1; the second `text` becomes `text_2`.
    """
    names: list[str] = []
    notes: list[str] = []
    taken = set(given)
    for position, name in enumerate(given, start=1):
        if name.strip() and name not in names:
            names.append(name)
            continue
        stem, number = (name, 2) if name.strip() else ("column", position)
        while (free := f"{stem}_{number}") in taken:
            number += 1
        taken.add(free)
        names.append(free)
        was = f"is named '{name}' like another" if name.strip() else "has no name"
        notes.append(f"Column {position} {was} and is called '{free}' here.")
    return names, notes


def find_column(name: str, there: Sequence[str]) -> str:
    """The column that a person means: of that name, or the only one so named but for blanks around it."""
    alike = [column for column in there if column.strip() == name.strip()]
    return alike[0] if name not in there and len(alike) == 1 else name


def find_columns(names: Sequence[str], there: Sequence[str]) -> list[str]:
    """The columns that a person means by names that were separated by commas.

    A column whose own name holds a comma goes before columns that have the parts of its name.
    """
    parts_of = {column: [part.strip() for part in column.split(",")] for column in there if "," in column}
    longest_first = sorted(parts_of, key=lambda column: -len(parts_of[column]))
    found: list[str] = []
    rest = list(names)
    while rest:
        whole = next(
            (column for column in longest_first if rest[: len(parts_of[column])] == parts_of[column]), None
        )
        found.append(find_column(rest[0], there) if whole is None else whole)
        del rest[: 1 if whole is None else len(parts_of[whole])]
    return found
