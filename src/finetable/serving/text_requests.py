"""What a client may ask of a model: texts, chats, vectors, labels."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from finetable.serving.job_requests import Body, Identifier, Metadata

MOST_CHOICES = 128
MOST_INPUTS = 2048


def _or_told(kind: str, told: str) -> WrapValidator:
    """One plain fault where none of several shapes fits, instead of a fault for each of them."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise PydanticCustomError(kind, "{told}", {"told": told}) from None

    return WrapValidator(check)


def _refused(param: str, told: str) -> PydanticCustomError:
    """A fault of a whole request, laid at one of its parameters."""
    return PydanticCustomError("refused", "{told}", {"told": told, "param": param})


def _without_zeros(value: Any) -> Any:
    """Biases that change nothing, whatever token they name, are left out."""
    return {token: bias for token, bias in value.items() if bias != 0} if isinstance(value, dict) else value


TokenId = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
TokenIds = Annotated[list[TokenId], Field(max_length=1_000_000)]
Inputs = Annotated[
    str
    | TokenIds
    | Annotated[list[str], Field(max_length=MOST_INPUTS)]
    | Annotated[list[TokenIds], Field(max_length=MOST_INPUTS)],
    _or_told("inputs", f"a text, a list of token ids, or up to {MOST_INPUTS:,} of either are wanted"),
]
StopText = Annotated[str, Field(min_length=1, max_length=1000)]
Stop = Annotated[
    Annotated[str, Field(max_length=1000)] | Annotated[list[StopText], Field(max_length=4)],
    _or_told("stop", "a text or up to 4 texts are wanted, none of them empty or over 1,000 characters"),
]
Bias = Annotated[float, Field(ge=-100, le=100)]
LogitBias = Annotated[
    dict[Annotated[str, Field(pattern=r"^\d{1,9}$")], Bias],
    Field(max_length=1024),
    _or_told("logit_bias", "up to 1,024 token ids, each with a number from -100 to 100, are wanted"),
    BeforeValidator(_without_zeros),
]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Tokens = Annotated[int, Field(ge=0, lt=2**31)]


class StreamOptions(Body):
    """What a stream says beside the text."""

    include_usage: bool | None = None


class Sampling(Body):
    """How a text is drawn; what both kinds of texts have in common."""

    model: Identifier
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: LogitBias | None = None
    stop: Stop | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end a text."""
        if isinstance(self.stop, str):
            return (self.stop,) if self.stop else ()
        return tuple(self.stop or ())

    @property
    def tells_usage(self) -> bool:
        """Whether a stream ends with its usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


class CompletionBody(Sampling):
    """A text to go on from; `prompt` null begins a new one."""

    prompt: Inputs | None
    max_tokens: Tokens | None = None
    best_of: Annotated[int, Field(ge=0, le=20)] | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    suffix: str | None = None

    @model_validator(mode="after")
    def what_is_there(self) -> Self:
        """Texts are not filled in before a suffix, and the best of a few cannot be streamed."""
        if self.suffix:
            raise _refused("suffix", "suffix is not offered: these models write from left to right")
        if self.best_of and self.best_of < (self.n or 1):
            raise _refused("best_of", "best_of must be at least n")
        if self.stream and self.best_of and self.best_of > (self.n or 1):
            raise _refused("best_of", "best_of above n cannot be streamed")
        return self


class ChatBody(Sampling):
    """Messages to answer."""

    messages: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=10_000)]
    max_completion_tokens: Tokens | None = None
    max_tokens: Tokens | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: dict[str, Any] | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    functions: list[Any] | None = None
    function_call: Any = None
    modalities: list[str] | None = None
    metadata: Metadata | None = None
    store: bool | None = None

    @model_validator(mode="after")
    def what_is_there(self) -> Self:
        """No tools are called, nothing is spoken; the likeliest tokens come with the log-probabilities."""
        if (self.functions and self.function_call != "none") or (self.tools and self.tool_choice != "none"):
            raise _refused("tools", "tools are not offered: leave out tools and functions")
        if "audio" in (self.modalities or ()):
            raise _refused("modalities", "these models write text and do not speak")
        if self.top_logprobs and not self.logprobs:
            raise _refused("top_logprobs", "top_logprobs needs logprobs=true")
        return self


class EmbeddingBody(Body):
    """Texts to turn into vectors."""

    model: Identifier
    input: Inputs
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    user: str | None = None


Cell = str | int | float | bool | None
ClassifyInput = Annotated[
    str | Annotated[list[str | dict[str, Cell]], Field(min_length=1, max_length=MOST_INPUTS)],
    _or_told("inputs", f"a text or up to {MOST_INPUTS:,} texts or objects of the given columns are wanted"),
]


class ClassifyBody(Body):
    """Texts or rows to label."""

    model: Identifier
    input: ClassifyInput
    abstain_below: Annotated[float, Field(ge=0, le=1)] = 0.0


class OutputExpiresAfter(Body):
    """When the files of a batch are to be forgotten."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=3600, le=2592000)]


class CreateBatch(Body):
    """A file of requests to be answered one by one."""

    input_file_id: Identifier
    endpoint: Literal["/v1/completions", "/v1/chat/completions", "/v1/embeddings"]
    completion_window: Literal["24h"]
    metadata: Metadata | None = None
    output_expires_after: OutputExpiresAfter | None = None
