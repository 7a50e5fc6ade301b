"""Lists, a page at a time, as the API gives them."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from finetable.serving.api_errors import invalid
from finetable.serving.database import Database, Row

Order = Literal["asc", "desc"]


def page(
    database: Database,
    source: tuple[str, str, Sequence[Any]],
    after: str | None,
    limit: int,
    order: Order,
) -> tuple[list[Row], bool]:
    """A page of rows, and whether more follow it; `source` is a table, a condition and its values.

    Raises ApiError where there is no row `after`: starting anew would never end.
    """
    table, condition, values = source
    sign, direction = (">", "ASC") if order == "asc" else ("<", "DESC")
    conditions, bound = [condition], list(values)
    if after is not None:
        number = database.value(
            f"SELECT number FROM {table} WHERE id = ? AND {conditions[0]}", [after, *values]
        )
        if number is None:
            raise invalid(f"There is nothing named {after!r} in this list.", "after")
        conditions.append(f"number {sign} ?")
        bound.append(number)
    query = f"SELECT * FROM {table} WHERE {' AND '.join(conditions)} ORDER BY number {direction} LIMIT ?"
    rows = database.rows(query, [*bound, limit + 1])
    return rows[:limit], len(rows) > limit


def listed(rows: Sequence[Row], reply: Callable[[Row], dict[str, Any]], has_more: bool) -> dict[str, Any]:
    """The answer that holds a page."""
    data = [reply(row) for row in rows]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": "", "last_id": ""}
    return {"object": "list", "data": data, **ends, "has_more": has_more}
