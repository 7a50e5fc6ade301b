"""Every option of comparing, once: who takes part, and how a prompted model is shown examples."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError

from finetable.errors import RecipeError
from finetable.settings import Settings, TableOptions, TaskSettings
from finetable.wording import did_you_mean
from finetable.wrong_values import wrong_value

PickName = Literal["random", "balanced", "nearest"]
OrderName = Literal["best-last", "best-first", "shuffled"]
SimilarityName = Literal["tfidf", "embedding"]


class FewShotSettings(Settings):
    """A model that is shown examples of a task instead of being trained."""

    model: str = Field(
        default="",
        min_length=1,
        description="A base (hub name or local folder), or the name of a model at the address.",
    )
    k: int = Field(default=8, ge=0, le=1000, description="How many training rows are shown as examples.")
    pick: PickName = Field(
        default="random",
        description="Examples at random, as many of each label, or those most like the question.",
    )
    by: SimilarityName = Field(default="tfidf", description="What makes two texts alike, for pick=nearest.")
    order: OrderName = Field(
        default="best-last", description="Where the example stands that would be left out last."
    )
    labels: bool = Field(default=True, description="Name all labels in the prompt; without examples always.")
    tokens: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Most tokens of prompt and answer; default the context.",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="The same seed picks the same examples.")
    url: str | None = Field(default=None, description="An endpoint of the OpenAI API, such as http://…/v1.")
    parallel: int = Field(default=8, ge=1, le=256, description="Requests under way at once.")
    budget: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="Most US dollars that a run may pay; answers kept from before cost nothing again.",
    )
    input_price: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="US dollars for a million tokens read."
    )
    output_price: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="US dollars for a million tokens written."
    )

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Settings from `MODEL@k=8,pick=nearest`; raises RecipeError with the nearest right word."""
        found = _FEW_SHOT.fullmatch(text)
        assert found is not None, "every text is a model, be it empty, with options or without"
        if not found["model"]:
            raise RecipeError(f"Name a model before the @ in {text!r}, such as distilgpt2@k=8.")
        options: dict[str, str] = {}
        for part in filter(None, (found["options"] or "").split(",")):
            word, _, value = part.partition("=")
            name = word.strip().replace("-", "_")
            known = sorted(set(cls.model_fields) - {"model"})
            if name not in known:
                hint = did_you_mean(name, known) or f" There are {', '.join(known)}."
                raise RecipeError(f"There is no option {word!r} in {text!r}.{hint}")
            if name in options:
                raise RecipeError(f"{text!r} says {name} twice.")
            options[name] = value.strip()
        try:
            settings = cls.model_validate({"model": found["model"], **options})
        except ValidationError as fault:
            raise RecipeError(f"In {text!r}, {wrong_value(fault).lstrip('-')}") from fault
        settings.check()
        return settings

    def check(self) -> None:
        """Raise RecipeError for options that contradict each other."""
        if self.url is None:
            if self.model == "scratch":
                raise RecipeError("A scratch network has read nothing yet, so examples teach it nothing.")
            if self.budget is not None:
                raise RecipeError("A model on this machine costs nothing: leave budget out.")
            if self.input_price is not None or self.output_price is not None:
                raise RecipeError("A model on this machine costs nothing: leave the prices out.")
            return
        if "@" in self.url:
            raise RecipeError("A key or password in the address would be shown: use OPENAI_API_KEY instead.")
        if _ADDRESS.fullmatch(self.url) is None:
            raise RecipeError(f"{self.url!r} is no address of an endpoint, such as https://example.org/v1.")
        if self.by == "embedding":
            raise RecipeError("by=embedding is for models on this machine: use by=tfidf with an address.")

    @property
    def is_on_this_machine(self) -> bool:
        """Whether whoever answers runs here, so that answers cost nothing."""
        return self.url is None or _THIS_MACHINE.match(self.url) is not None


_FEW_SHOT = re.compile(r"(?P<model>.*?)(?:@(?P<options>[^@=/,]+=.*)?)?", re.DOTALL)
_ADDRESS = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[^\s/?#:\[\]]+)(:\d{1,5})?(/[^\s?#]*)?")
_THIS_MACHINE = re.compile(r"https?://(127\.0\.0\.1|localhost|\[::1\])([:/]|$)")


class BenchSettings(Settings):
    """What to compare, and on which rows."""

    task: TaskSettings = Field(default=TaskSettings())
    contestant: tuple[str, ...] = Field(
        default=(),
        description="majority, tfidf, model:DIR, or fewshot:MODEL@k=8,pick=nearest (more in docs/bench.md); "
        "named once for each.",
    )
    rows: int | None = Field(
        default=None, ge=1, description="Judge on at most this many test rows, drawn by the seed."
    )
    show: int = Field(
        default=0, ge=0, le=100, description="Print the prompt of so many test rows for each few-shot model."
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, description="The same seed gives the same split as train gives."
    )
    answers: Path = Field(
        default=Path("~/.cache/finetable/answers"),
        description="Folder where answers of models at an address are kept, so that none is paid for twice.",
    )
    table: TableOptions = Field(default=TableOptions())
