"""What all contestants of a comparison are given: a network of a known shape, and rows as the same ids."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow.csv
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from finetable.data.tokens import Encoder
from finetable.models.base_model import BaseModel, add_special_tokens
from finetable.models.pretrained import read_tokenizer
from finetable.models.scratch import build_scratch, train_tokenizer

HELD_OUT, MOST_HELD_OUT = 10, 500
"""One row of so many is held out, and so many at most."""


def distilgpt2(models: Path, out: Path) -> BaseModel:
    """A network with random weights of distilgpt2's shape, with GPT-2's tokenizer, saved to a folder.

    Dropout is off: finetable does without the networks' own, and so do its peers here.
    """
    tokenizer = read_tokenizer(models / "gpt2_tokenizer")
    config = GPT2Config(n_layer=6, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0)
    torch.manual_seed(0)
    network = GPT2LMHeadModel(config).eval()
    base = BaseModel(network, tokenizer, add_special_tokens(network, tokenizer, True), "distilgpt2's shape")
    return _saved(base, out)


def scratch(texts: Sequence[str], out: Path) -> BaseModel:
    """What `--base scratch --size small` trains, before its first step."""
    return _saved(build_scratch("small", train_tokenizer(lambda: texts, "small"), seed=0), out)


def column(table: Path, name: str) -> list[str]:
    """The texts of a column that are not empty."""
    found = pyarrow.csv.read_csv(table, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True))
    return [text for text in found.column(name).cast("string").to_pylist() if text]


def pairs(table: Path, given: str, target: str) -> list[tuple[str, str]]:
    """Two columns of the rows in which neither is empty."""
    found = pyarrow.csv.read_csv(table, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True))
    both = zip(found.column(given).to_pylist(), found.column(target).to_pylist(), strict=True)
    return [(str(one), str(other)) for one, other in both if one and other]


def write_rows(
    encoder: Encoder, prompts: Sequence[str | None], answers: Sequence[str], longest: int, out: Path
) -> None:
    """Ids of each row and where its answer begins, as JSON; rows of more than `longest` tokens are cut."""
    heads, tails = encoder.prompts(prompts, longest - 16), encoder.answers(answers)
    rows = [
        {"ids": (head + tail)[:longest], "answer": len(head)} for head, tail in zip(heads, tails, strict=True)
    ]
    held_out = [row for place, row in enumerate(rows) if place % HELD_OUT == 0][:MOST_HELD_OUT]
    train = [row for place, row in enumerate(rows) if place % HELD_OUT]
    special = encoder.special
    content = {"pad": special.pad, "end": special.end, "train": train, "held_out": held_out}
    out.write_text(json.dumps(content), encoding="utf-8")


def _saved(base: BaseModel, out: Path) -> BaseModel:
    base.network.save_pretrained(out)
    base.tokenizer.save_pretrained(out)
    return base
