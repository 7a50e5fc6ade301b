"""Models of the last epochs of a run, each a plain Hugging Face folder of its own."""

import shutil
from pathlib import Path

from transformers import PreTrainedModel

from finetable.atomic_files import is_whole, write_folder
from finetable.errors import ModelFolderError
from finetable.models.base_model import BaseModel, special_tokens_of
from finetable.models.pretrained import check_folder, read_network, read_tokenizer

PREFIX = "step-"


class KeptEpochs:
    """The folders of one run; each appears whole or not at all, and is named after the steps done."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[tuple[int, Path]]:
        """Steps done and folder of every epoch that is kept, the oldest first."""
        return [
            (int(path.name.removeprefix(PREFIX)), path) for path in sorted(self._folder.glob(f"{PREFIX}*"))
        ]

    def keep(self, step: int, network: PreTrainedModel, tokenizer: Path, most: int) -> None:
        """Write the model of the moment after `step` steps; forget the oldest ones beyond `most`.

        The files of the tokenizer are copied: read and saved again they would have other bytes.
        """

        def fill(partial: Path) -> None:
            network.save_pretrained(partial)
            shutil.copytree(tokenizer, partial, dirs_exist_ok=True)

        folder = self._of(step)
        if not is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
            write_folder(folder, fill)
        for _, old in self.all()[:-most]:
            shutil.rmtree(old)

    def read(self, step: int, origin: str) -> BaseModel:
        """The model after `step` steps; raises ModelFolderError where it is not kept or damaged."""
        folder = self._of(step)
        if not is_whole(folder):
            kept = ", ".join(f"{number:,}" for number, _ in self.all()) or "none"
            raise ModelFolderError(
                f"{folder} is missing or damaged (steps kept: {kept}); choose one that is kept, or train "
                "into a new --out with --keep-epochs."
            )
        check_folder(folder)
        network, tokenizer = read_network(folder), read_tokenizer(folder)
        return BaseModel(network, tokenizer, special_tokens_of(tokenizer), origin)

    def _of(self, step: int) -> Path:
        return self._folder / f"{PREFIX}{step:09d}"
