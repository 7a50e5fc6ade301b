"""Every option of training, once.

Frozen pydantic classes; the command line, recipe files and documents derive from them, so a
field's description is the help that a person reads.
"""

from typing import Any, Literal, Self

from cyclopts import Parameter
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from finetable.errors import RecipeError
from finetable.name_lists import NameList, join_names
from finetable.wording import did_you_mean
from finetable.wrong_values import wrong_value

SizeName = Literal["tiny", "small", "medium", "large"]
LongRows = Literal["stop", "cut", "drop"]
ScheduleName = Literal["linear", "cosine", "exponential", "constant"]
FormatName = Literal["fp32", "bf16"]
PrecisionName = Literal["auto", "fp32", "bf16"]
TaskName = Literal["write", "label"]
SourceName = Literal["scratch", "shipped", "pretrained"]
EngineName = Literal["torch"]

SHIPPED = "small"
"""The base that comes with finetable."""


def _spelled(value: object) -> str:
    """A value as a person would write it on the command line."""
    if isinstance(value, tuple):
        return join_names(map(str, value)) or "not given"
    return "not given" if value is None else str(value)


@Parameter(name="*")
class Settings(BaseModel):
    """Unknown keys are errors, values never change after they were checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def flat(self) -> dict[str, Any]:
        """Every option by its name, those of nested settings included."""
        options: dict[str, Any] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            options |= value.flat() if isinstance(value, Settings) else {name: value}
        return options

    @classmethod
    def of(cls, **options: Any) -> Self:
        """Settings from options by flat names; raises RecipeError for an unknown one or a wrong value."""
        known = cls().flat()
        for name in options:
            if name not in known:
                raise RecipeError(f"There is no option {name!r}.{did_you_mean(name, known)}")
        try:
            return cls.model_validate(cls._nested(options))
        except ValidationError as fault:
            raise RecipeError(wrong_value(fault)) from fault

    @classmethod
    def _nested(cls, options: dict[str, Any]) -> dict[str, Any]:
        nested: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, Settings):
                nested[name] = kind._nested(options)
            elif name in options:
                nested[name] = options[name]
        return nested


class TableOptions(Settings):
    """How to read a table; what is not given is detected and printed."""

    encoding: str | None = Field(default=None, description="Encoding of the file, such as utf-8 or cp1252.")
    delimiter: str | None = Field(default=None, description="What stands between two cells, such as ';'.")
    quote: str | None = Field(default=None, description="What stands around a cell that holds the delimiter.")
    header: bool | None = Field(default=None, description="Whether the first line names the columns.")


class TaskSettings(Settings):
    """Given these columns, produce that column."""

    write: str | None = Field(default=None, description="Learn to write this column: free text.")
    label: str | None = Field(default=None, description="Learn to label with this column: a closed set.")
    given: NameList = Field(
        default=(),
        description="Columns the model is given, such as genre,title; one named 'a,b' comes before a and b.",
    )

    @property
    def is_named(self) -> bool:
        """Whether any column of a job is named."""
        return self.write is not None or self.label is not None or bool(self.given)

    @property
    def name(self) -> TaskName:
        """Which of the two jobs this is."""
        return "write" if self.write is not None else "label"

    @property
    def target(self) -> str:
        """The column to produce."""
        target = self.write if self.write is not None else self.label
        assert target is not None, "check() comes first"
        return target

    def check(self) -> None:
        """Raise RecipeError unless the columns make one task."""
        if (self.write is None) == (self.label is None):
            raise RecipeError(
                "Name the column to learn with exactly one of --write COLUMN and --label COLUMN."
            )
        if self.target in self.given:
            raise RecipeError(
                f"The column {self.target!r} is both given and to be produced; take it out of --given."
            )
        if len(set(self.given)) < len(self.given):
            raise RecipeError("--given names a column twice.")
        if self.name == "label" and not self.given:
            raise RecipeError("A label needs something to be read from: name the columns with --given.")


class DataSettings(Settings):
    """Which rows are learnt from, and what happens to long ones."""

    split_column: str | None = Field(
        default=None, description="Column that says train, validation or test; without it rows go 80/10/10."
    )
    long_rows: LongRows = Field(
        default="stop", description="What to do with rows longer than the model's context."
    )


class BaseSettings(Settings):
    """What training starts from."""

    base: str = Field(
        default=SHIPPED,
        description="small (comes with finetable), a hub name, a local model folder, or scratch: "
        "a fresh network and tokenizer.",
    )
    size: SizeName | None = Field(
        default=None, description="How large a scratch network is; small for writing, tiny for labelling."
    )
    keep_case: bool = Field(
        default=False,
        description="Let a labeller of small or scratch tell capitals from small letters: needs more rows.",
    )
    lora: int | None = Field(
        default=None, ge=1, le=512, description="Train a low-rank adapter of this rank; merged in at the end."
    )

    @property
    def source(self) -> SourceName:
        """Where the base comes from."""
        if self.base == "scratch":
            return "scratch"
        return "shipped" if self.base == SHIPPED else "pretrained"

    def check(self) -> None:
        """Raise RecipeError for options that mean nothing with this base."""
        if self.source == "scratch" and self.lora is not None:
            raise RecipeError(
                "--lora adapts what was learnt before, and a scratch network has learnt nothing: "
                "name a trained --base, or leave --lora out."
            )
        if self.source != "scratch" and self.size is not None:
            raise RecipeError(
                f"--size is for scratch networks; leave it out, or take --base scratch, not {self.base}."
            )
        if self.keep_case and not self.learns_words:
            raise RecipeError(
                "--keep-case is for --base small or scratch without --lora: any other keeps capitals anyway."
            )

    @property
    def learns_words(self) -> bool:
        """Whether a labeller's tokenizer learns from its table: not another base's, nor beside an adapter."""
        return self.source != "pretrained" and self.lora is None


class LengthSettings(Settings):
    """How long training goes on."""

    epochs: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="Times every training row is seen (default 4; more on small tables without a base).",
    )
    minutes: float | None = Field(
        default=None, gt=0, le=100_000, description="Time for training; turned into steps once, at the start."
    )
    patience: int | None = Field(
        default=None,
        ge=0,
        description="Stop after so many validations without progress (default 5; a labeller never).",
    )
    validations: int = Field(default=20, ge=1, le=10_000, description="Validations over the whole run.")
    stop_when_copying: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Stop once this share of texts written at a validation copies training rows (writing).",
    )

    @model_validator(mode="after")
    def one_length(self) -> Self:
        """Epochs and minutes exclude each other."""
        if self.epochs is not None and self.minutes is not None:
            raise RecipeError("Give --epochs or --minutes, not both.")
        return self


class OptimizerSettings(Settings):
    """The training step."""

    learning_rate: float | None = Field(
        default=None, gt=0, le=1, description="Peak learning rate; the default depends on the base."
    )
    schedule: ScheduleName = Field(default="linear", description="How the learning rate falls after warm-up.")
    warmup: float = Field(default=0.05, ge=0, lt=1, description="Share of the steps spent warming up.")
    weight_decay: float | None = Field(
        default=None,
        ge=0,
        le=10,
        description="AdamW's weight decay of matrices; the default depends on the task.",
    )
    clip: float = Field(default=1.0, gt=0, description="Largest norm of a step's gradient.")
    dropout: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Share of tokens and last hidden states dropped, rising at first; default by task.",
    )
    batch_tokens: int | None = Field(
        default=None, ge=16, le=4_000_000, description="Tokens in a step, over all its micro-batches."
    )
    batch_rows: int | None = Field(
        default=None, ge=1, le=65_536, description="Rows of average length in a step, for --batch-tokens."
    )
    micro_batch_tokens: int = Field(
        default=4096, ge=16, le=1_000_000, description="Tokens computed at once; less needs less memory."
    )

    @model_validator(mode="after")
    def one_batch(self) -> Self:
        """Tokens and rows of a batch exclude each other."""
        if self.batch_tokens is not None and self.batch_rows is not None:
            raise RecipeError("Give --batch-tokens or --batch-rows, not both.")
        return self


class Recipe(Settings):
    """Everything that decides what the weights become; stored in the model folder."""

    task: TaskSettings = Field(default=TaskSettings())
    table: TableOptions = Field(default=TableOptions())
    data: DataSettings = Field(default=DataSettings())
    base: BaseSettings = Field(default=BaseSettings())
    length: LengthSettings = Field(default=LengthSettings())
    optimizer: OptimizerSettings = Field(default=OptimizerSettings())
    precision: PrecisionName = Field(
        default="auto", description="Number format of the products; auto is bf16 where the processor has it."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="The same seed gives the same model.")

    def check(self) -> None:
        """Raise RecipeError where options contradict each other."""
        self.task.check()
        if self.task.name == "write" and self.base.keep_case:
            raise RecipeError("--keep-case is for --label: whoever writes keeps capitals anyway.")
        self.base.check()
        if self.task.name == "label" and self.length.stop_when_copying is not None:
            raise RecipeError("--stop-when-copying is for --write: labels come from a closed set.")

    @property
    def scratch_size(self) -> SizeName:
        """How large a scratch network is: labels are learnt best, and written rows worse, by a tiny one."""
        return self.base.size or ("small" if self.task.name == "write" else "tiny")

    def differences(self, other: Self) -> list[str]:
        """What differs from another recipe, spelled as on the command line."""
        mine, theirs = self.flat(), other.flat()
        return [
            f"--{name.replace('_', '-')} was {_spelled(theirs[name])} and is {_spelled(mine[name])}"
            for name in mine
            if mine[name] != theirs[name]
        ]
