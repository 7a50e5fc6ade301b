"""From a trained base to what is shipped: bf16 weights, tokenizer, model card, a digest of each file."""

import shutil
from pathlib import Path

import torch

from finetable.atomic_files import write_folder
from finetable.models.base_model import BaseModel
from finetable.models.number_format import set_format

MOST_BYTES = 20_000_000


def pack(base: BaseModel, card: str, folder: Path) -> None:
    """Write the base into `folder`, in place of the one that was made before.

    Raises ValueError where its files together are larger than what may be shipped.
    """
    set_format(base.network, torch.bfloat16)
    base.network.config.dtype = torch.bfloat16

    def fill(partial: Path) -> None:
        base.network.save_pretrained(partial)
        base.tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(card, encoding="utf-8")
        size = sum(file.stat().st_size for file in partial.iterdir())
        if size > MOST_BYTES:
            raise ValueError(
                f"The base takes {size:,} bytes, and {MOST_BYTES:,} may be shipped: make it narrower."
            )

    packed = folder.with_name(f"{folder.name}.packed")
    shutil.rmtree(packed, ignore_errors=True)
    write_folder(packed, fill)
    shutil.rmtree(folder, ignore_errors=True)
    packed.replace(folder)
    set_format(base.network, torch.float32)


def rounded(base: BaseModel) -> BaseModel:
    """The base with the weights that it is shipped with, in fp32."""
    set_format(base.network, torch.bfloat16)
    set_format(base.network, torch.float32)
    return base
