"""A base from the hub or from a local folder: weights as safetensors only, no code from the folder."""

import json
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HFValidationError, StrictDataclassError

# The hub's own name for its HTTP library, whichever of httpx's generations that is.
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]
from safetensors import SafetensorError
from tokenizers import pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from finetable.errors import BaseModelError
from finetable.models.base_model import BaseModel, add_special_tokens, check_network

UNREADABLE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ArithmeticError, ImportError),
    *(SafetensorError, StrictDataclassError),
)
"""What transformers and its libraries raise for a damaged configuration or damaged weights."""

HUB_SECONDS = 10
UNREACHABLE = (httpx.HTTPError, HFValidationError, OSError)

TOKENIZER_FILES = ("tokenizer.json", "vocab.*", "*.model")

FILES = [
    *("*.safetensors", "*.safetensors.index.json", "*.json", "*.model", "vocab.*", "merges.txt"),
    "chat_template.jinja",  # run by transformers in a sandbox
]


def load_pretrained(name: str, with_separator: bool, with_template: bool = False) -> BaseModel:
    """A causal language model named by hub name or folder, ready for the special tokens of a task.

    `with_template` keeps the base's own chat template, which a model trained on a table must not inherit.

    Raises BaseModelError where it cannot be reached, is no causal language model that finetable can train
    whole, has pickled weights only, or wants to run code of its own.
    """
    folder = Path(name) if Path(name).is_dir() else _download(name)
    check_folder(folder)
    network = read_network(folder)
    tokenizer = read_tokenizer(folder, with_template)
    check_network(network)
    special = add_special_tokens(network, tokenizer, with_separator)
    return BaseModel(network, tokenizer, special, name)


def check_folder(folder: Path) -> None:
    """Raise BaseModelError for a folder that holds no whole model, pickled weights only, or code to run."""
    if (folder / "adapter_config.json").is_file():
        # transformers would fetch the base that the adapter names, and open the adapter even if pickled.
        raise BaseModelError(
            f"{folder} holds an adapter (adapter_config.json), not a whole model; merge it into its base."
        )
    config = _config(folder / "config.json")
    if "auto_map" in config:
        raise BaseModelError(
            f"{folder} wants to run code of its own (auto_map in config.json), which finetable never does; "
            f"use a base that transformers knows."
        )
    if config.get("quantization_config") is not None:
        raise BaseModelError(
            f"{folder} holds quantized weights, which finetable cannot train; use the base they came from."
        )
    if not any(folder.glob("*.safetensors")):
        pickled = [file.name for pattern in ("*.bin", "*.pt", "*.pth") for file in folder.glob(pattern)]
        reason = (
            f"its weights are pickled ({sorted(pickled)[0]}), and opening a pickle can run code; "
            f"convert them to safetensors on a machine you can spare"
            if pickled
            else "it has no *.safetensors file"
        )
        raise BaseModelError(f"{folder} cannot be used as a base: {reason}.")


def _config(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise BaseModelError(f"{file.parent} is no model folder: it has no config.json.")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise BaseModelError(f"{file} cannot be read as JSON: {fault}.") from fault
    if not isinstance(config, dict):
        raise BaseModelError(f"{file} holds no JSON object.")
    return config


def read_network(folder: Path):  # type: ignore[no-untyped-def]
    """The network of a checked folder, in fp32; raises BaseModelError where any of its weights is missing."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        # What a configuration asks for may be code from the hub, or an attention that takes no mask of ours.
        config._attn_implementation = None
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except UNREADABLE as fault:
        raise BaseModelError(f"The network in {folder} cannot be loaded: {_first_line(fault)}.") from fault
    network, found = loaded
    missing = sorted(found["missing_keys"])
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise BaseModelError(f"The weights in {folder} are not whole: {missing[0]}{more} cannot be found.")
    return network


def read_tokenizer(folder: Path, with_template: bool = False) -> PreTrainedTokenizerFast:
    """The tokenizer of a checked folder, reading the same pieces wherever a text stands."""
    if not any(any(folder.glob(pattern)) for pattern in TOKENIZER_FILES):
        # transformers would make up an empty tokenizer, in which every text is nothing.
        raise BaseModelError(f"{folder} has no tokenizer (no tokenizer.json, vocabulary or *.model).")
    try:
        loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as fault:  # the tokenizers library raises nothing more special for a damaged file
        raise BaseModelError(f"The tokenizer in {folder} cannot be loaded: {_first_line(fault)}.") from fault
    if not isinstance(loaded, PreTrainedTokenizerFast):
        raise BaseModelError(f"The tokenizer in {folder} has no tokenizer.json and cannot be made into one.")
    backend = loaded.backend_tokenizer
    before = backend.pre_tokenizer
    if isinstance(before, pre_tokenizers.Metaspace) and before.prepend_scheme == "first":
        # "first" spells a text that follows a special token unlike the same text alone.
        before.prepend_scheme = "always"
        backend.pre_tokenizer = before
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=loaded.bos_token,
        eos_token=loaded.eos_token,
        pad_token=loaded.pad_token,
        unk_token=loaded.unk_token,
        clean_up_tokenization_spaces=False,
        model_max_length=loaded.model_max_length,
        chat_template=loaded.chat_template if with_template else None,
    )


def _download(name: str) -> Path:
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") > 1
    if looks_like_path:
        raise BaseModelError(f"There is no folder {name}, so it cannot be used as a base.")
    reason: Exception | None = None
    try:
        # Asked first with a limit of time: snapshot_download waits for ever on a hub that never answers.
        HfApi().model_info(name, timeout=HUB_SECONDS)
    except UNREACHABLE as fault:
        reason = fault
    try:
        cached_only = reason is not None
        return Path(snapshot_download(name, allow_patterns=FILES, local_files_only=cached_only))
    except UNREACHABLE as fault:
        raise BaseModelError(
            f"The base {name!r} is neither a folder here nor reachable on the hub "
            f"({_first_line(reason or fault)}). "
            f"Offline there are three choices: --base small, which comes with finetable, --base scratch, "
            f"or --base FOLDER with a model on this machine."
        ) from (reason or fault)


def _first_line(fault: Exception) -> str:
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()] or [type(fault).__name__]
    first = lines[0] if not lines[0].endswith(":") else " ".join(lines[:2])
    return first.rstrip(".")
