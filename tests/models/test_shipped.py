"""The base that comes with finetable."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetable.errors import BaseModelError
from finetable.models import shipped
from finetable.models.shipped import load_shipped, shipped_folder
from finetable.settings import SHIPPED

MOST_BYTES = 20_000_000


def test_it_is_small_enough_to_come_along_and_plain_to_every_program() -> None:
    files = {file.name: file.stat().st_size for file in shipped_folder(SHIPPED).iterdir()}
    assert sum(files.values()) <= MOST_BYTES
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "manifest.json"} <= set(files)
    assert not [name for name in files if Path(name).suffix in (".bin", ".pt", ".pkl", ".py")]


def test_it_needs_no_new_tokens_for_any_job() -> None:
    base = load_shipped(SHIPPED, with_separator=True)
    assert base.origin == SHIPPED
    assert len(base.tokenizer) <= base.network.config.vocab_size
    assert base.special.separator is not None
    shape = torch.Size([base.network.config.vocab_size, base.network.config.hidden_size])
    assert base.network.get_input_embeddings().weight.shape == shape
    assert base.network.dtype == torch.float32


def test_plain_transformers_writes_the_same_text() -> None:
    base = load_shipped(SHIPPED, with_separator=False)
    folder = shipped_folder(SHIPPED)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    start = torch.tensor([[tokenizer.bos_token_id, *tokenizer.encode("The old man")]])
    networks: tuple[Any, Any] = (base.network, network)
    ours, theirs = (
        each.generate(start, attention_mask=torch.ones_like(start), do_sample=False, max_new_tokens=24)
        for each in networks
    )
    assert torch.equal(ours, theirs)
    assert ours.shape[1] > start.shape[1]


def test_a_file_that_is_not_the_one_that_was_shipped_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(shipped_folder(SHIPPED), tmp_path / SHIPPED)
    weights = tmp_path / SHIPPED / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(BaseModelError, match=r"'small' that came with finetable is damaged; install"):
        load_shipped(SHIPPED, with_separator=False)
