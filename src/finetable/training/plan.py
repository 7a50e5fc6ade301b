"""What a recipe leaves open is decided once, recorded, and never decided again."""

from pydantic import Field

from finetable.settings import FormatName, ScheduleName, Settings

DROPOUT_RISE = 0.5
MOST_RISE_STEPS = 500
"""Dropout rises from nothing to its full share over this part of the steps, or over so many at most."""


ROW_STEP = {"fp32": 1, "bf16": 8}
"""Rows are padded to a multiple of so many tokens. In bf16 a CPU makes and keeps kernels for each shape that
it meets: with rows as long as they are 0.5 GB in 100 steps and a tenth of the time."""

ANSWER_STEP = {"fp32": 1, "bf16": 64}
"""Likewise the positions of a micro-batch that carry loss."""


class Plan(Settings):
    """Every number of a run, fixed before its first step so that a resumed run repeats them."""

    steps: int = Field(ge=1)
    validate_every: int = Field(ge=1)
    validation_rows: int = Field(ge=1)
    patience: int = Field(ge=0)
    keeps_last: bool = False
    """Whether the weights of the last step are the model's, and not those of the best validation."""

    stop_when_copying: float | None = None
    learning_rate: float = Field(gt=0)
    schedule: ScheduleName
    warmup: float
    clip: float
    weight_decay: float
    dropout: float = Field(ge=0, lt=1)
    batch_tokens: int = Field(ge=1)
    micro_batch_tokens: int = Field(ge=1)
    precision: FormatName
    threads: int = Field(ge=1)
    seed: int
    epochs: float = 0.0
    batch_rows: float = 0.0
    """What the steps and the tokens of a batch come to on these rows, on average; 0 in older folders."""

    @property
    def row_step(self) -> int:
        """Rows are padded to a multiple of so many tokens."""
        return ROW_STEP[self.precision]

    @property
    def answer_step(self) -> int:
        """Positions that carry loss are padded to a multiple of so many."""
        return ANSWER_STEP[self.precision]

    @property
    def step_seed_base(self) -> int:
        """Start of the seeds of the steps; step n uses this plus n."""
        return (self.seed * 1_000_003) % 2**62

    def dropout_at(self, step: int) -> float:
        """Share dropped in a step counted from 0: it rises linearly in the first part of the run.

        Curriculum dropout (Morerio et al. 2017): on a small table a fresh network that does not see a third
        of its words from the start never finds out what the labels hang on.
        """
        rise = min(DROPOUT_RISE * self.steps, MOST_RISE_STEPS)
        return self.dropout * min(1.0, step / rise)


VALIDATION_SHARE = 0.05
"""Most of a run's time that validating may take."""

FORWARD_SHARE = 1 / 3
"""Cost of a forward pass beside a whole training step."""


def validation_rows(training_tokens: int, validations: int, lengths_total: int, rows: int) -> int:
    """How many validation rows are judged each time, so that all validations stay within VALIDATION_SHARE.

    `training_tokens` are the tokens of the whole run, `lengths_total` those of all validation rows.
    """
    affordable = training_tokens * VALIDATION_SHARE / FORWARD_SHARE / validations
    share = min(1.0, affordable / max(1, lengths_total))
    return max(1, min(rows, max(50, round(rows * share))))
