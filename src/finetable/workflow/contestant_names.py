"""Contestants of a comparison as a person spells them."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, cast

from finetable.bench_settings import FewShotSettings
from finetable.errors import RecipeError

ContestantWord = Literal["majority", "tfidf", "model", "fewshot"]
SPELLINGS = ("majority", "tfidf", "model:DIR", "fewshot:MODEL@k=8")


@dataclass(frozen=True)
class Contestant:
    """One that takes part: how it was spelled, what it is, what follows the colon, and how it is prompted."""

    name: str
    word: ContestantWord
    rest: str
    few_shot: FewShotSettings | None = None

    @property
    def folder(self) -> Path:
        """Where a trained model is."""
        assert self.word == "model"
        return Path(self.rest)


def contestant_of(name: str) -> Contestant:
    """Read a name; raises RecipeError for one that is none."""
    word, colon, rest = name.partition(":")
    if word == "fewshot" and rest:
        return Contestant(name, "fewshot", rest, FewShotSettings.parsed(rest))
    if (word in ("majority", "tfidf") and not colon) or (word == "model" and rest):
        return Contestant(name, cast(ContestantWord, word), rest)
    near = get_close_matches(name, SPELLINGS, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise RecipeError(f"There is no contestant {name!r}; there are {', '.join(SPELLINGS)}.{hint}")
