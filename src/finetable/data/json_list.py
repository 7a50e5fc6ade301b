"""The values of a JSON list, one by one as text, with the line on which each begins."""

import json
import re
from collections.abc import Iterator

from finetable.errors import TableError

_BLANKS = re.compile(r"[ \t\n\r]*")
# Only where values end is looked for here: numbers of any length pass.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def values_of(text: str, name: str) -> Iterator[tuple[int, str]]:
    """Line and text of each value of the list that is the whole of `text`.

    Raises TableError with the line where it is no such list: what follows cannot be told apart then.
    """
    place = _past_blanks(text, 0)
    if text[place : place + 1] != "[":
        raise _fault(text, place, name, "a list of objects is expected")
    place, line, counted = _past_blanks(text, place + 1), 1, 0
    while text[place : place + 1] != "]":
        line, counted = line + text.count("\n", counted, place), place
        end = _end(text, place, name)
        yield line, text[place:end]
        place = _past_blanks(text, end)
        if text[place : place + 1] == ",":
            place = _past_blanks(text, place + 1)
        elif text[place : place + 1] != "]":
            raise _fault(text, place, name, "a comma or the end of the list is expected")
    place = _past_blanks(text, place + 1)
    if place < len(text):
        raise _fault(text, place, name, "something follows the list")


def _past_blanks(text: str, place: int) -> int:
    blanks = _BLANKS.match(text, place)
    assert blanks is not None, "nothing at all matches, too"
    return blanks.end()


def _end(text: str, place: int, name: str) -> int:
    try:
        return _DECODER.raw_decode(text, place)[1]
    except json.JSONDecodeError as fault:
        raise _fault(text, fault.pos, name, fault.msg) from fault
    except RecursionError as fault:
        raise _fault(text, place, name, "its values are nested too deeply") from fault


def _fault(text: str, place: int, name: str, reason: str) -> TableError:
    line = text.count("\n", 0, place) + 1
    return TableError(f"{name} is not JSON, line {line}: {reason}. Mend that line, or save it as JSON Lines.")
