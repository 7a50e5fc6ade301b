import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetable.errors import ModelFolderError
from finetable.kept_epochs import KeptEpochs
from finetable.models.base_model import BaseModel

Load = Callable[[str], BaseModel]


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


@pytest.fixture
def tokenizer(tmp_path: Path, load_base: Load) -> Path:
    load_base("gpt2").tokenizer.save_pretrained(tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


def test_the_newest_are_kept_and_each_opens_everywhere(
    tmp_path: Path, load_base: Load, tokenizer: Path
) -> None:
    base, kept = load_base("gpt2"), KeptEpochs(tmp_path / "epochs")
    assert kept.all() == []
    for step in (9, 10, 100):
        with torch.no_grad():
            base.network.lm_head.weight.fill_(step)
        kept.keep(step, base.network, tokenizer, 2)
    assert kept.all() == [
        (10, tmp_path / "epochs" / "step-000000010"),
        (100, tmp_path / "epochs" / "step-000000100"),
    ]
    ids = torch.arange(30).unsqueeze(0)
    ours = kept.read(100, "scratch")
    plain = AutoModelForCausalLM.from_pretrained(kept.all()[1][1])
    with torch.inference_mode():
        expected = base.network(ids).logits
        assert torch.equal(ours.network(ids).logits, expected)
        assert torch.equal(plain(ids).logits, expected)
    assert len(AutoTokenizer.from_pretrained(kept.all()[1][1])) == len(base.tokenizer)
    assert (ours.special, ours.origin) == (base.special, "scratch")


def test_what_is_whole_stays_and_what_is_not_is_written_anew(
    tmp_path: Path, load_base: Load, tokenizer: Path
) -> None:
    base, kept = load_base("gpt2"), KeptEpochs(tmp_path / "epochs")
    kept.keep(3, base.network, tokenizer, 1)
    ((_, folder),) = kept.all()
    wanted = digests(folder)
    (folder / "model.safetensors").write_bytes(b"")
    kept.keep(3, base.network, tokenizer, 1)
    assert digests(folder) == wanted
    before = (folder / "model.safetensors").stat().st_mtime_ns
    kept.keep(3, base.network, tokenizer, 1)
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


def test_missing_and_damaged_are_one_sentence_with_the_steps_that_are_kept(
    tmp_path: Path, load_base: Load, tokenizer: Path
) -> None:
    base, kept = load_base("gpt2"), KeptEpochs(tmp_path / "epochs")
    with pytest.raises(ModelFolderError, match=r"steps kept: none\)"):
        kept.read(7, "scratch")
    for step in (1500, 3000):
        kept.keep(step, base.network, tokenizer, 9)
    with pytest.raises(ModelFolderError, match=r"steps kept: 1,500, 3,000\).*--keep-epochs\.$"):
        kept.read(7, "scratch")
    (kept.all()[0][1] / "config.json").write_text("{}")
    with pytest.raises(ModelFolderError, match="damaged"):
        kept.read(1500, "scratch")
