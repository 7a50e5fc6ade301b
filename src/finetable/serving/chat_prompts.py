"""Messages as the ids that a model answers, each kind of model in the way in which it was trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import TemplateError

from finetable.serving.api_errors import ApiError, invalid
from finetable.serving.chat_template import MessageError, check_messages, rendered, text_of
from finetable.serving.loaded_model import LoadedModel

Messages = Sequence[Mapping[str, Any]]
PARAM = "messages"


def chat_ids(model: LoadedModel, messages: Messages) -> tuple[int, ...]:
    """Everything that the model sees before its answer; raises ApiError.

    A model trained on chats reads them all in finetable's template, a base in its own. A model trained on
    prompts or columns reads the last message of the user, as the prompt.
    """
    try:
        check_messages(messages)
    except MessageError as fault:
        raise invalid(f"Invalid value for 'messages': {fault}.", PARAM, "invalid_value") from None
    if model.form == "chat":
        return model.start_ids(rendered(messages))
    if model.form == "text":
        return model.marked_ids(_templated(model, messages))
    asked = [message for message in messages if message["role"] == "user"]
    if not asked:
        raise invalid("This model reads the last message of the user, and there is none.", PARAM)
    return model.start_ids(text_of(asked[-1]))


def _templated(model: LoadedModel, messages: Messages) -> str:
    tokenizer = model.base.tokenizer
    if not tokenizer.chat_template:
        raise no_template()
    plain = [
        {"role": "system" if each["role"] == "developer" else each["role"], "content": text_of(each)}
        for each in messages
    ]
    try:
        text = tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True)
    except (TemplateError, ValueError, TypeError, KeyError) as fault:
        raise invalid(f"The model's own chat template refuses these messages: {fault}.", PARAM) from fault
    return str(text)


def no_template() -> ApiError:
    """A base that was never taught to chat."""
    return invalid("This model has no chat template: it goes on from texts; use /v1/completions.", "model")
