"""Every option of the verbs that use a table or a model, once."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from pydantic import Field

from finetable.name_lists import NameList
from finetable.settings import SHIPPED, BaseSettings, Settings, TableOptions, TaskSettings
from finetable.wrong_values import like

Address = Annotated[
    str,
    like(
        r"https?://[^/].*",
        "an address that begins with http:// or https://, such as http://127.0.0.1:8000/v1",
    ),
]
Key = Annotated[
    str, like("[!-~]{8,256}", "8 to 256 plain letters (A to Z), digits or signs, without blanks", secret=True)
]


class WatchSettings(Settings):
    """What is shown while training; decides nothing about the weights."""

    show: int = Field(
        default=0, ge=0, le=1000, description="Print this many examples as the model sees them."
    )
    sample_every: int = Field(
        default=0, ge=0, description="Write three samples every so many steps; 0: at each validation."
    )
    tensorboard: bool = Field(default=False, description="Write TensorBoard files into the model folder.")
    keep_epochs: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Keep the weights after each of the last so many epochs, for use as models of their own.",
    )


class SamplingSettings(Settings):
    """How rows are drawn from the model."""

    temperature: float = Field(default=0.8, ge=0, le=2, description="0 always takes the likeliest token.")
    top_k: int = Field(default=100, ge=0, description="Draw from this many likeliest tokens; 0 from all.")
    top_p: float = Field(
        default=0.95, gt=0, le=1, description="Draw from the likeliest tokens of this share."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="The same seed gives the same rows.")
    max_tokens: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Most tokens of a text; default from the training rows."
    )


class GenerateSettings(Settings):
    """What to write."""

    n: Annotated[int, Parameter(name="-n")] = Field(
        default=10, ge=1, le=10_000_000, description="How many rows."
    )
    given: tuple[str, ...] = Field(
        default=(), description="COLUMN=VALUE; columns not named are drawn from the training rows."
    )
    prefix: str = Field(default="", description="Text that every row starts with.")
    include_prefix: bool = Field(default=False, description="Keep the prefix in the rows written.")
    allow_copies: bool = Field(default=False, description="Keep rows that copy training rows.")
    sampling: SamplingSettings = Field(default=SamplingSettings())
    batch_size: int = Field(default=64, ge=1, le=65_536, description="Rows in work together.")


class ClassifySettings(Settings):
    """How to label a table."""

    abstain_below: float = Field(
        default=0.0, ge=0, le=1, description="Leave the prediction empty where the probability is lower."
    )
    batch_size: int = Field(default=64, ge=1, le=65_536, description="Rows in work together.")
    table: TableOptions = Field(default=TableOptions())


class EvaluateSettings(Settings):
    """How to judge a model folder."""

    include_seen: bool = Field(
        default=False, description="Judge also on rows whose text was seen in training."
    )
    batch_size: int = Field(default=64, ge=1, le=65_536, description="Rows in work together.")
    table: TableOptions = Field(default=TableOptions())


class ProfileSettings(Settings):
    """How to look at a table."""

    task: TaskSettings = Field(default=TaskSettings())
    base: BaseSettings = Field(default=BaseSettings())
    table: TableOptions = Field(default=TableOptions())


class PrepareSettings(Settings):
    """How a table becomes a training file for a fine-tuning API."""

    task: TaskSettings = Field(default=TaskSettings())
    chat: bool = Field(default=False, description="Write chat messages instead of prompts and completions.")
    system: str | None = Field(
        default=None, min_length=1, description="System message that begins every chat, with --chat."
    )
    accept: NameList = Field(
        default=(),
        description="What to accept of what is proposed, then write: all, none, or names; else only look.",
    )
    validation: str | None = Field(
        default=None, description="A validation table of the same columns: texts that stand in it are told."
    )
    base: str | None = Field(
        default=None,
        description="A base whose tokenizer counts what is too long for it: a hub name or folder.",
    )
    table: TableOptions = Field(default=TableOptions())


class ApiSettings(Settings):
    """Which server of the OpenAI API is asked; its key comes from OPENAI_API_KEY or is asked for."""

    base_url: Address = Field(
        default="http://127.0.0.1:8000/v1",
        description="Address of the OpenAI API; that of `finetable serve` on this machine by default.",
    )


class CreateJobSettings(Settings):
    """A new fine-tuning job."""

    api: ApiSettings = Field(default=ApiSettings())
    model: str = Field(default=SHIPPED, description="The base to train; `finetable jobs models` lists them.")
    validation: Path | None = Field(default=None, description="A validation file, JSON Lines too.")
    suffix: str | None = Field(
        default=None, min_length=1, max_length=64, description="A word for the new model's name."
    )
    seed: int | None = Field(
        default=None, ge=0, lt=2**31, description="The same seed and file give the same model, where offered."
    )
    n_epochs: int | None = Field(
        default=None, ge=1, le=50, description="Times every example is seen; the server decides without it."
    )
    batch_size: int | None = Field(
        default=None, ge=1, le=256, description="Examples in a step; the server decides without it."
    )
    learning_rate_multiplier: float | None = Field(
        default=None, gt=0, description="Multiplies the server's usual learning rate."
    )
    yes: bool = Field(
        default=False, description="Do not ask before data leaves this machine and costs may arise."
    )


class FollowSettings(Settings):
    """How a job is followed."""

    api: ApiSettings = Field(default=ApiSettings())
    every: float = Field(default=2.0, ge=0, le=3600, description="Seconds between two looks at the job.")


class UseSettings(Settings):
    """What a fine-tuned model is asked."""

    api: ApiSettings = Field(default=ApiSettings())
    prompt: tuple[str, ...] = Field(default=(), description="A prompt to answer; may be given several times.")
    n: Annotated[int, Parameter(name="-n")] = Field(
        default=1, ge=1, le=10_000, description="Texts for each prompt, or from nothing."
    )
    temperature: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="0 always takes the likeliest token; 0.8 by default, 0 for labels.",
    )
    max_tokens: int = Field(default=256, ge=1, le=100_000, description="Most tokens of a text.")
    seed: int | None = Field(
        default=None, ge=0, lt=2**31, description="The same seed gives the same texts, where offered."
    )
    chat: bool = Field(
        default=False, description="Ask in chat messages, where the job does not say how it was prepared."
    )
    table: TableOptions = Field(default=TableOptions())


class ServeSettings(Settings):
    """How to answer others' programs."""

    host: str = Field(
        default="127.0.0.1", description="Address to listen on; any but this machine's own needs a key."
    )
    port: int = Field(default=8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    key: Key | None = Field(
        default=None,
        description="Key that every request must carry; made and printed where others can reach the server.",
    )
    home: Path = Field(
        default=Path("~/.finetable"), description="Folder of the server's files, jobs and models."
    )
    allow_origin: tuple[str, ...] = Field(
        default=(), description="Web pages that may call the server, such as https://example.org."
    )
    memory_gb: float = Field(
        default=4.0, gt=0, le=10_000, description="Memory for loaded models; the least recently used leave."
    )
    json_logs: bool = Field(default=False, description="Log a JSON object for each request.")
