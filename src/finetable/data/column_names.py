"""Names of columns as a file gives them -> names that can be used: none empty, none twice."""

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
