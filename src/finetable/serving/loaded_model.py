"""One model in memory: its engine, and how it wants to be asked."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Literal

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from finetable.errors import BaseModelError
from finetable.inference.live_engine import LiveEngine
from finetable.models.base_model import BaseModel, head_of, to_best_device
from finetable.models.pretrained import load_pretrained
from finetable.models.shipped import load_shipped
from finetable.serving.api_errors import invalid
from finetable.serving.row_source import RowSource
from finetable.settings import SHIPPED
from finetable.workflow.opened import OpenModel, open_epoch, open_model

ModelForm = Literal["text", "completion", "chat", "columns"]
"""What a model was trained on: plain text, prompts with completions, chats, or the columns of a table."""


class LoadedModel:
    """A model that answers; `opened` is None for one that finetable did not train."""

    def __init__(self, base: BaseModel, form: ModelForm, opened: OpenModel | None) -> None:
        self.base = base
        self.form = form
        self.opened = opened
        self.encoder = base.encoder()
        self.engine = LiveEngine(base)
        self.vocabulary = int(head_of(base.network).weight.shape[0])
        self.fingerprint = fingerprint(base.network)
        self._lock = Lock()
        self._row_source: RowSource | None = None

    @property
    def memory_bytes(self) -> int:
        """What the model takes in memory, as far as it has been used."""
        return self.engine.memory_bytes

    @property
    def labels(self) -> tuple[str, ...]:
        """The closed set that a labeller chooses from; empty for every other model."""
        return () if self.opened is None else self.opened.record.labels

    @property
    def temperature(self) -> float:
        """The calibration that label scores are divided by."""
        return 1.0 if self.opened is None else self.opened.record.temperature

    def encoded(self, text: str) -> list[int]:
        """Ids of a text; raises ApiError for one that the model could not see whole."""
        self._check_length(text)
        return self.encoder.prefix(text)

    def start_ids(self, prompt: str | Sequence[int]) -> tuple[int, ...]:
        """Everything the model sees before it writes: the prompt in the model's template."""
        special = self.base.special
        ids = self.encoded(prompt) if isinstance(prompt, str) else list(prompt)
        if self.opened is None:
            return tuple(ids) or (special.start,)
        if special.separator is None:  # trained without given columns: a prompt is how the text begins
            return (special.start, *ids)
        return (special.start, *ids, special.separator)

    def marked_ids(self, text: str) -> tuple[int, ...]:
        """Ids of a text in which the names of special tokens mean these, as a chat template writes them."""
        self._check_length(text)
        return tuple(self._marking.encode(text, add_special_tokens=False).ids)

    def _check_length(self, text: str) -> None:
        most = self.base.context * self._longest_token
        if len(text) > most:
            raise invalid(
                f"This model's maximum context length is {self.base.context} tokens, which hold {most:,} "
                f"characters at most; this request has a text of {len(text):,}. Please shorten it.",
                code="context_length_exceeded",
            )

    @cached_property
    def _longest_token(self) -> int:
        return max(map(len, self.base.tokenizer.get_vocab()))

    @cached_property
    def _marking(self) -> Tokenizer:
        tokenizer = Tokenizer.from_str(self.base.tokenizer.backend_tokenizer.to_str())
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def row_source(self) -> RowSource:
        """What the training rows of a writer give to new ones; read when first asked for."""
        assert self.opened is not None, "a base has no rows"
        with self._lock:
            if self._row_source is None:
                self._row_source = RowSource(self.opened)
            return self._row_source

    def close(self) -> None:
        """Let the model go."""
        self.engine.close()


def load(source: str, form: ModelForm, step: int | None) -> LoadedModel:
    """Load a model from its folder or hub name; `step` for one of a run's epochs. Raises UserError."""
    if form == "text":
        load_base = load_shipped if source == SHIPPED else load_pretrained
        base = load_base(source, with_separator=False, with_template=True)
        to_best_device(base.network)
        return LoadedModel(base, form, None)
    folder = Path(source)
    if not folder.exists():
        raise BaseModelError(f"The files of the model in {folder.name} are gone; train it again.")
    run = run_folder(folder, step)
    opened = open_model(run) if step is None else open_epoch(run, step)
    return LoadedModel(opened.base, form, opened)


def run_folder(folder: Path, step: int | None) -> Path:
    """The model folder of a run: `folder` itself, or the one that an epoch was kept in."""
    return folder if step is None else folder.parents[2]


def fingerprint(network: PreTrainedModel) -> str:
    """A name for these weights run by this code: with it and a seed, a text can be had again."""
    digest = hashlib.sha256(f"finetable {version('finetable')}, torch {version('torch')}".encode())
    for name, weight in sorted(network.state_dict().items()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy())
    return f"fp_{digest.hexdigest()[:12]}"
