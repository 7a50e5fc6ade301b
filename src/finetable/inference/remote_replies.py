"""What is read from an endpoint's answers: scores of labels, or a label that it wrote."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from finetable.inference.answerer import same_beginning
from finetable.inference.endpoint import Reply


class TokenLists(BaseModel):
    """The tokens of a text and their log-probabilities in nats; the first token has none."""

    tokens: list[str]
    token_logprobs: list[Annotated[float, Field(le=0, allow_inf_nan=False)] | None]

    @model_validator(mode="after")
    def as_many(self) -> Self:
        """A number for each token but the first."""
        if len(self.tokens) != len(self.token_logprobs) or None in self.token_logprobs[1:]:
            raise ValueError("a log-probability for each token but the first is wanted")
        return self


class EchoedText(BaseModel):
    """A text that was given and came back."""

    index: int
    text: str
    logprobs: TokenLists


class EchoReply(Reply):
    """Texts that came back with the log-probabilities of their tokens."""

    choices: list[EchoedText] = Field(min_length=1)
    system_fingerprint: str | None = None

    @model_validator(mode="after")
    def every_text(self) -> Self:
        """Each text once, in order."""
        self.choices.sort(key=lambda choice: choice.index)
        if [choice.index for choice in self.choices] != list(range(len(self.choices))):
            raise ValueError("each text once is wanted")
        return self

    @classmethod
    def of(cls, found: Any, texts: int) -> Self:
        """The answer to a request that gave so many texts; raises ValueError where it is not whole."""
        reply = cls.model_validate(found)
        if len(reply.choices) != texts:
            raise ValueError(f"{texts} texts were given, and {len(reply.choices)} came back")
        return reply

    def kept(self) -> dict[str, Any]:
        """Log-probabilities in nats of what differs among the texts, one for each of them."""
        rows = [choice.logprobs for choice in self.choices]
        same = same_beginning([row.tokens for row in rows])
        return {"scores": [sum(filter(None, row.token_logprobs[same:])) for row in rows]}


class AnyReply(Reply):
    """An answer of any shape, of which is still to be seen what it tells."""

    model_config = ConfigDict(extra="allow")


class Message(BaseModel):
    """What a model wrote; nothing where it would not."""

    content: str | None = None


class ChatChoice(BaseModel):
    """One answer."""

    message: Message


class ChatReply(Reply):
    """An answer to messages."""

    choices: list[ChatChoice] = Field(min_length=1)

    def kept(self) -> dict[str, Any]:
        """The answer without blanks around it."""
        return {"text": (self.choices[0].message.content or "").strip()}
