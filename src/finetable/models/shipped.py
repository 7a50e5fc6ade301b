"""The base that comes with finetable: it needs no hub, and every file is checked before it is used."""

from pathlib import Path

from transformers import PreTrainedTokenizerFast

from finetable.atomic_files import is_whole
from finetable.errors import BaseModelError
from finetable.models.base_model import BaseModel, add_special_tokens
from finetable.models.own_words import give_rows
from finetable.models.pretrained import load_pretrained, read_network, read_tokenizer

FOLDER = Path(__file__).parent.parent / "bases"


def load_shipped(name: str, with_separator: bool, with_template: bool = False) -> BaseModel:
    """The shipped base of this name; raises BaseModelError where a file is not the one that was shipped."""
    base = load_pretrained(str(shipped_folder(name)), with_separator, with_template)
    base.origin = name
    return base


def shipped_tokenizer(name: str) -> PreTrainedTokenizerFast:
    """Its tokenizer; raises BaseModelError as `shipped_folder` does."""
    return read_tokenizer(shipped_folder(name))


def taught_words(name: str, tokenizer: PreTrainedTokenizerFast) -> BaseModel:
    """The shipped base with a tokenizer that has learnt more words; raises as `load_shipped` does."""
    folder = shipped_folder(name)
    network = read_network(folder)
    give_rows(network, tokenizer, known=len(read_tokenizer(folder)))
    special = add_special_tokens(network, tokenizer, with_separator=True)
    return BaseModel(network, tokenizer, special, name)


def card_of(name: str) -> str:
    """What a shipped base read, and what it cannot do; raises BaseModelError as `shipped_folder` does."""
    return (shipped_folder(name) / "README.md").read_text(encoding="utf-8")


def shipped_folder(name: str) -> Path:
    """The folder of a shipped base; raises BaseModelError where a file is not the one that was shipped."""
    folder = FOLDER / name
    if not is_whole(folder):
        raise BaseModelError(
            f"The base {name!r} that came with finetable is damaged; install finetable again."
        )
    return folder
