"""Contestants of a comparison as a person spells them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from finetable.bench_settings import FewShotSettings
from finetable.errors import RecipeError
from finetable.wording import did_you_mean

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
    hint = did_you_mean(name, SPELLINGS, cutoff=0.4)
    raise RecipeError(f"There is no contestant {name!r}; there are {', '.join(SPELLINGS)}.{hint}")
