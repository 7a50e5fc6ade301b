"""JSON from outside, taken only where it can be kept and told again: finite, flat, of whole characters."""

import json
import math
import re
from typing import Any, NoReturn

DEEPEST = 64
"""Lists and objects within each other; Python's own limit is met at a place that nobody can foresee."""

_HALF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """What is wrong with a text as JSON, as the end of a sentence."""


def parsed(text: bytes) -> Any:
    """The value of a JSON text; raises JsonError."""
    try:
        value = json.loads(text.decode("utf-8"), parse_float=_finite, parse_constant=_no_number)
        if text.count(b"[") + text.count(b"{") > DEEPEST:
            _check_depth(value)
        if _HALF_A_PAIR.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise JsonError("not valid UTF-8") from None
    except UnicodeEncodeError:
        raise JsonError("not valid JSON: it holds half of a surrogate pair, which is no character") from None
    except RecursionError:
        raise _too_deep() from None
    except JsonError:
        raise
    except ValueError as fault:
        # Python reads no whole number of more than some thousand digits.
        place = f" ({fault.msg} at character {fault.pos})" if isinstance(fault, json.JSONDecodeError) else ""
        raise JsonError(f"not valid JSON{place}") from None
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise JsonError(f"not valid JSON: the number {digits[:20]} is too large")
    return value


def _no_number(name: str) -> NoReturn:
    raise JsonError(f"not valid JSON: {name} is no number")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> JsonError:
    return JsonError(f"not valid JSON: it is nested more than {DEEPEST} levels deep")
