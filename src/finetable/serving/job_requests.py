"""What a client may ask of the fine-tuning and upload endpoints."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Auto = Literal["auto"]
Metadata = Annotated[
    dict[
        Annotated[str, Field(max_length=64)],
        Annotated[str, Field(max_length=512)],
    ],
    Field(max_length=16),
]
Identifier = Annotated[str, Field(min_length=1, max_length=256)]


class Body(BaseModel):
    """A request's JSON; keys that are not known here are let through and not used, as OpenAI does."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def whole_characters(cls, content: Any) -> Any:
        """Refuse halves of characters (JSON's lone surrogates), which no file and no tokenizer can take."""
        waiting = [content]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                waiting += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                waiting += value
            elif isinstance(value, str) and not _is_whole(value):
                raise PydanticCustomError("text", "A text holds half a character (a lone surrogate)")
        return content


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Hyperparameters(Body):
    """Numbers of a run; `auto` leaves them to finetable."""

    n_epochs: Auto | Annotated[int, Field(ge=1, le=50)] = "auto"
    batch_size: Auto | Annotated[int, Field(ge=1, le=256)] = "auto"
    learning_rate_multiplier: Auto | Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = "auto"


class Supervised(Body):
    """Learning from examples."""

    hyperparameters: Hyperparameters = Hyperparameters()


class Method(Body):
    """How a job learns."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None


class CreateJob(Body):
    """A new fine-tuning job."""

    model: Identifier
    training_file: Identifier
    validation_file: Identifier | None = None
    suffix: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    seed: Annotated[int, Field(ge=0, le=2147483647)] | None = None
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None
    integrations: Annotated[list[dict[str, Any]], Field(max_length=5)] | None = None
    metadata: Metadata | None = None

    @property
    def asked(self) -> Hyperparameters:
        """The hyperparameters, wherever they stand."""
        if self.method is not None and self.method.supervised is not None:
            return self.method.supervised.hyperparameters
        return self.hyperparameters or Hyperparameters()


class ExpiresAfter(Body):
    """When a file is to be forgotten."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=3600, le=2592000)]


class CreateUpload(Body):
    """A file that will come in parts."""

    bytes: Annotated[int, Field(ge=0)]
    filename: Annotated[str, Field(min_length=1, max_length=1024)]
    mime_type: Annotated[str, Field(max_length=256)]
    purpose: Literal["assistants", "batch", "evals", "fine-tune", "user_data", "vision"]
    expires_after: ExpiresAfter | None = None


class CompleteUpload(Body):
    """The order of an upload's parts."""

    part_ids: Annotated[list[Identifier], Field(max_length=10_000)]
    md5: str | None = None


class FileForm(Body):
    """What stands beside the bytes of a file."""

    filename: Annotated[str, Field(max_length=1024)]
    purpose: Literal["assistants", "batch", "evals", "fine-tune", "user_data", "vision"]
    anchor: Literal["created_at"] | None = None
    seconds: Annotated[int, Field(ge=3600, le=2592000)] | None = None

    @model_validator(mode="after")
    def whole(self) -> Self:
        """An anchor and its seconds come together."""
        if (self.anchor is None) != (self.seconds is None):
            raise ValueError("expires_after needs both anchor and seconds")
        return self


class CreatePermissions(Body):
    """Projects that may use a checkpoint."""

    project_ids: Annotated[list[Identifier], Field(min_length=1, max_length=100)]
