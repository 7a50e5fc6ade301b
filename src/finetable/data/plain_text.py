"""A column of any Arrow type as the text a person would write."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from finetable.errors import TableError

# Up to here every whole number has a float of its own, so its digits can be written out.
_WHOLE_FLOAT_MAX = 2**53


def plain_text(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Cells as large strings, (rows,): missing and not-a-number become "", nested values JSON.

    Raises TableError when binary cells are not UTF-8; `name` is the column's name in that sentence.
    """
    try:
        texts = _to_text(column)
    except pa.ArrowInvalid as fault:
        raise TableError(
            f"Column '{name}' holds bytes that are not text: convert it to text before it is used here."
        ) from fault
    return pc.fill_null(texts, "") if texts.null_count else texts


def _to_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pt.is_dictionary(kind):
        return _to_text(column.cast(kind.value_type))
    if isinstance(kind, pa.BaseExtensionType):
        return _to_text(column.cast(kind.storage_type))
    if pt.is_floating(kind):
        return _floats_to_text(column)
    if pt.is_timestamp(kind) or pt.is_time(kind):
        return _times_to_text(column)
    if pt.is_nested(kind) or pt.is_duration(kind) or pt.is_interval(kind):
        return _values_to_text(column)
    return column.cast(pa.large_string())


def _floats_to_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    doubles = column.cast(pa.float64())
    whole = pc.and_(
        pc.equal(pc.floor(doubles), doubles), pc.less(pc.abs(doubles), pa.scalar(float(_WHOLE_FLOAT_MAX)))
    )
    digits = pc.if_else(whole, doubles, None).cast(pa.int64()).cast(pa.large_string())
    # Float16 has no text of its own in Arrow; float32 holds each of its values exactly.
    shortest = column.cast(pa.float32()) if pt.is_float16(column.type) else column
    numbers = pc.if_else(pc.is_nan(doubles), None, shortest.cast(pa.large_string()))
    return pc.coalesce(digits, numbers)


def _times_to_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Without a fraction of a second that is zero; as a bare date where every time is midnight."""
    texts = pc.replace_substring_regex(
        column.cast(pa.large_string()), pattern=r"\.0+([+-]\d{4}|Z)?$", replacement=r"\1"
    )
    midnight = " 00:00:00"
    if pc.all(pc.ends_with(texts, midnight)).as_py():
        return pc.replace_substring(texts, pattern=midnight, replacement="")
    return texts


def _values_to_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    nested = pt.is_nested(column.type)
    texts = [
        None
        if value is None
        else json.dumps(value, ensure_ascii=False, default=str)
        if nested
        else str(value)
        for value in column.to_pylist()
    ]
    return pa.chunked_array([pa.array(texts, pa.large_string())])
