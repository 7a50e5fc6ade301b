"""What pydantic finds wrong with the value of an option, in one sentence."""

import re

from pydantic import AfterValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

_KINDS = {
    "float_parsing": "a number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_parsing": "true or false",
}


def wrong_value(fault: ValidationError) -> str:
    """What pydantic found wrong with an option, in one sentence."""
    first = fault.errors()[0]
    option = next(str(part) for part in reversed(first["loc"]) if isinstance(part, str))
    dashes = "-" if len(option) == 1 else "--"
    return f"{dashes}{option.replace('_', '-')} {_fault(first)}."


def like(pattern: str, what: str, secret: bool = False) -> AfterValidator:
    """Texts of a pattern only; `what` says in words what one looks like, after "must be".

    What was given for a `secret` is not repeated: terminals are logged.
    """
    right = re.compile(pattern)

    def check(text: str) -> str:
        if right.fullmatch(text) is None:
            raise PydanticCustomError(
                "secret" if secret else "like", "Input should be {what}", {"what": what}
            )
        return text

    return AfterValidator(check)


def _fault(first: ErrorDetails) -> str:
    value, limits = first["input"], first.get("ctx", {})
    match first["type"]:
        case "string_too_short" if not value:
            return "must not be empty"
        case "string_too_short":
            return f"must have at least {limits['min_length']} characters, and {value!r} has {len(value)}"
        case "string_too_long":
            return f"must have at most {limits['max_length']} characters, and {value!r} has {len(value)}"
        case "secret":
            return f"must be {limits['what']}"
    kind = _KINDS.get(first["type"])
    wrong = first["msg"].replace("Input should be", "must be").replace("valid tuple", "list of names")
    return f"must be {kind}, and {value!r} is not" if kind else f"{wrong}, and {value!r} is not"
