"""Options from a TOML file, spelled as on the command line."""

import tomllib
from pathlib import Path
from typing import Any

from finetable.errors import RecipeError
from finetable.settings import Recipe
from finetable.verb_settings import WatchSettings
from finetable.wording import did_you_mean

FLAG = "--recipe"

EXCLUSIVE = (("epochs", "minutes"), ("batch-rows", "batch-tokens"), ("write", "label"))
"""Options of which there is one; who names it on the command line does not mean the file's other one."""


def with_recipe_file(words: list[str]) -> list[str]:
    """The words of a command line with the options of its --recipe file put before its own.

    An option that the command line names itself, or that cannot stand beside one of its own, is left out of
    the file's. Raises RecipeError for a file that cannot be read, and for an unknown key, with the nearest
    right one.
    """
    file = _named_file(words)
    if file is None:
        return words
    given = {word.split("=")[0].replace("_", "-") for word in words if word.startswith("--")}
    given |= {f"--{word.removeprefix('--no-')}" for word in given if word.startswith("--no-")}
    given |= {
        f"--{other}" for pair in EXCLUSIVE for name, other in (pair, pair[::-1]) if f"--{name}" in given
    }
    options: list[str] = []
    for key, value in _read(file).items():
        flag = f"--{key}"
        if flag not in given:
            options += _as_words(flag, value)
    return [*words[:1], *options, *words[1:]]


def _named_file(words: list[str]) -> Path | None:
    for place, word in enumerate(words):
        if word == FLAG and place + 1 < len(words):
            return Path(words[place + 1])
        if word.startswith(f"{FLAG}="):
            return Path(word.partition("=")[2])
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as fault:
        raise RecipeError(f"The recipe {file} cannot be read: {fault.strerror}.") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise RecipeError(f"The recipe {file} is not TOML: {fault}.") from fault
    known = [name.replace("_", "-") for name in Recipe().flat() | WatchSettings().flat()]
    for key in content:
        if key not in known:
            raise RecipeError(f"The recipe {file} has an unknown option {key!r}.{did_you_mean(key, known)}")
    return content


def _as_words(flag: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    if isinstance(value, list):
        return [f"{flag}={item}" for item in value]
    return [f"{flag}={value}"]
