import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Tokenizer,
    PreTrainedTokenizerFast,
    T5Config,
)

from finetable.errors import BaseModelError
from finetable.models.base_model import BaseModel, embedding_of
from finetable.models.pretrained import load_pretrained

PROMPTS = ("the sea", "Un été à Paris", "", "映画 🎬\n\ttwo  blanks", "<|endoftext|></s>")
OFFLINE_CHOICES = (
    "three choices: --base small, which comes with finetable, --base scratch, "
    "or --base FOLDER with a model on this machine."
)

HUB = """
import http.server, json, os, sys, threading
from hashlib import sha1
from pathlib import Path

folder, commit, asked = Path(sys.argv[1]), "c" * 40, []
files = {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.split("?")[0]
        if path.startswith(f"/tiny/gpt2/resolve/{commit}/"):
            name = path.rsplit("/", 1)[1]
            if self.command == "GET":
                asked.append(name)
            self.reply(files[name], {"ETag": sha1(files[name]).hexdigest(), "X-Repo-Commit": commit})
        elif path.startswith("/api/models/tiny/gpt2/tree/"):
            self.reply(
                [
                    {"type": "file", "path": name, "size": len(data), "oid": sha1(data).hexdigest()}
                    for name, data in files.items()
                ]
            )
        elif path.startswith("/api/models/tiny/gpt2"):
            siblings = [{"rfilename": name} for name in files]
            self.reply({"id": "tiny/gpt2", "sha": commit, "siblings": siblings})
        else:
            self.reply({}, {}, 404)

    do_HEAD = do_GET

    def reply(self, body, headers={}, status=200):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"

from finetable.errors import BaseModelError
from finetable.models import pretrained


def load(name):
    try:
        base = pretrained.load_pretrained(name, True)
        weights = base.network.get_input_embeddings().weight.detach()
        return [base.origin, len(base.tokenizer), float(weights.sum())]
    except BaseModelError as fault:
        return str(fault)


told = {"loaded": load("tiny/gpt2"), "asked": sorted(set(asked)), "unknown": load("tiny/other")}
server.shutdown()
server.server_close()
told |= {"cached": load("tiny/gpt2"), "down": load("tiny/other")}
silent = http.server.HTTPServer(("127.0.0.1", server.server_port), Hub)
pretrained.HUB_SECONDS = 0.2
told |= {"cached_beside_silence": load("tiny/gpt2"), "silent": load("tiny/other")}
print(json.dumps(told))
"""


@pytest.fixture
def copy(base_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    """A base of this test's own, to be damaged."""
    return Path(shutil.copytree(base_folder("qwen3"), tmp_path / "base"))


def rewrite(file: Path, **changes: Any) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(content | changes), encoding="utf-8")


def refusal_of(name: str | Path) -> str:
    with pytest.raises(BaseModelError) as caught:
        load_pretrained(str(name), with_separator=True)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


def logits_of(network: Any, rows: list[list[int]]) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([network(torch.tensor([row])).logits[0] for row in rows])


def test_a_saved_base_is_the_same_to_plain_transformers(
    base: BaseModel, taught: BaseModel, save: Callable[[BaseModel, Path], Path], tmp_path: Path
) -> None:
    for place, one in enumerate((base, taught)):
        folder = save(one, tmp_path / str(place))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        network = AutoModelForCausalLM.from_pretrained(folder)
        assert len(tokenizer) == len(one.tokenizer)
        spelled = [f"{one.tokenizer.bos_token}{prompt}<|separator|>" for prompt in PROMPTS[:4]]
        rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in spelled]
        assert rows == one.encoder().prompts(PROMPTS[:4])
        assert torch.equal(logits_of(network, rows), logits_of(one.network, rows))
        ids = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
        assert ids == (one.special.start, one.special.end, one.special.pad)


def test_a_saved_base_can_be_a_base_again(
    base: BaseModel, save: Callable[[BaseModel, Path], Path], tmp_path: Path
) -> None:
    again = load_pretrained(str(save(base, tmp_path / "once")), with_separator=True)
    assert again.special == base.special
    assert again.tokenizer.get_vocab() == base.tokenizer.get_vocab()
    rows = base.encoder().prompts(PROMPTS)
    assert again.encoder().prompts(PROMPTS) == rows
    assert torch.equal(logits_of(again.network, rows), logits_of(base.network, rows))


def test_ids_of_plain_text_are_those_of_the_base(
    architecture: str, base: BaseModel, base_folder: Callable[[str], Path]
) -> None:
    plain = AutoTokenizer.from_pretrained(base_folder(architecture))
    for text in ("the sea", "Un été à Paris", "映画 🎬\n\ttwo  blanks"):
        assert base.encoder().prefix(text) == plain(text, add_special_tokens=False)["input_ids"]


def test_origin_and_context_are_told(architecture: str, base_folder: Callable[[str], Path]) -> None:
    base = load_pretrained(str(base_folder(architecture)), with_separator=True)
    assert base.origin == str(base_folder(architecture))
    assert base.context == 96
    assert base.network.dtype == torch.float32


def test_a_vocabulary_with_merges_is_a_tokenizer_too(
    base_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(base_folder("gpt2"), tmp_path / "old"))
    described = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    vocabulary = described["vocab"] | {"<|endoftext|>": 300}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    merges = "".join(f"{left} {right}\n" for left, right in described["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")
    (folder / "tokenizer.json").unlink()
    old, new = (load_pretrained(str(path), True) for path in (folder, base_folder("gpt2")))
    assert isinstance(old.tokenizer, PreTrainedTokenizerFast)
    assert not isinstance(old.tokenizer, GPT2Tokenizer)
    assert old.encoder().prompts(PROMPTS) == new.encoder().prompts(PROMPTS)


def test_a_folder_without_a_configuration_is_refused(copy: Path) -> None:
    (copy / "config.json").unlink()
    assert refusal_of(copy) == f"{copy} is no model folder: it has no config.json."


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth"])
def test_pickled_weights_are_refused_and_never_opened(copy: Path, name: str) -> None:
    proof = copy / "opened"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (proof,)

    weights = load_file(copy / "model.safetensors")
    torch.save({**weights, "trap": Trap()}, copy / name)
    (copy / "model.safetensors").unlink()
    refusal = refusal_of(copy)
    assert refusal.startswith(f"{copy} cannot be used as a base: its weights are pickled ({name})")
    assert "convert them to safetensors" in refusal
    assert not proof.exists()


def test_a_folder_without_weights_is_refused(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert refusal_of(copy) == f"{copy} cannot be used as a base: it has no *.safetensors file."


def test_code_in_the_configuration_is_refused_and_never_run(copy: Path) -> None:
    proof = copy / "ran"
    (copy / "evil.py").write_text(f"open({str(proof)!r}, 'w')\nclass Evil: pass\n")
    rewrite(copy / "config.json", auto_map={"AutoModelForCausalLM": "evil.Evil", "AutoConfig": "evil.Evil"})
    assert "wants to run code of its own (auto_map in config.json)" in refusal_of(copy)
    assert not proof.exists()


def test_code_of_the_tokenizer_is_never_run(copy: Path) -> None:
    proof = copy / "ran"
    (copy / "evil.py").write_text(f"open({str(proof)!r}, 'w')\nclass Evil: pass\n")
    rewrite(
        copy / "tokenizer_config.json",
        tokenizer_class="Evil",
        auto_map={"AutoTokenizer": ["evil.Evil", "evil.Evil"]},
    )
    load_pretrained(str(copy), with_separator=True)
    assert not proof.exists()


@pytest.mark.parametrize("wish", ["owner/kernel", "flash_attention_2"])
def test_the_attention_that_a_configuration_asks_for_is_not_fetched(copy: Path, wish: str) -> None:
    plain = load_pretrained(str(copy), with_separator=True)
    rewrite(copy / "config.json", _attn_implementation=wish, attn_implementation=wish)
    base = load_pretrained(str(copy), with_separator=True)
    rows = base.encoder().prompts(PROMPTS)
    assert torch.equal(logits_of(base.network, rows), logits_of(plain.network, rows))


def test_an_adapter_is_no_base(copy: Path) -> None:
    (copy / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "gpt2"}')
    assert "holds an adapter (adapter_config.json), not a whole model" in refusal_of(copy)
    (copy / "config.json").unlink()
    assert "holds an adapter (adapter_config.json), not a whole model" in refusal_of(copy)


def test_quantized_weights_are_refused(copy: Path) -> None:
    rewrite(copy / "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True})
    assert "holds quantized weights, which finetable cannot train" in refusal_of(copy)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"model_type": ', "cannot be read as JSON: Expecting value: line 1 column 16"),
        (b"", "cannot be read as JSON: Expecting value"),
        (b"\xff\xfe{}", "cannot be read as JSON: 'utf-8' codec can't decode byte 0xff"),
        (b'["qwen3"]', "holds no JSON object."),
    ],
)
def test_a_damaged_configuration_is_refused(copy: Path, content: bytes, said: str) -> None:
    (copy / "config.json").write_bytes(content)
    assert f"{copy / 'config.json'} {said}" in refusal_of(copy)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"model_type": "film"},
            "has model type `film` but Transformers does not recognize this architecture",
        ),
        ({"hidden_size": "wide"}, "expected int, got str (value: 'wide')"),
        ({"num_attention_heads": 0}, "integer division or modulo by zero"),
        ({"num_hidden_layers": -3}, "`num_hidden_layers` (-3)"),
        ({"hidden_size": 64}, "For details look at the above report"),
        (
            T5Config(d_model=32, num_layers=1, num_heads=2, d_ff=8).to_dict(),
            "Unrecognized configuration class",
        ),
    ],
    ids=lambda value: str(next(iter(value))) if isinstance(value, dict) else "",
)
def test_an_impossible_configuration_is_refused(copy: Path, changes: dict[str, Any], said: str) -> None:
    rewrite(copy / "config.json", **changes)
    refusal = refusal_of(copy)
    assert refusal.startswith(f"The network in {copy} cannot be loaded: ")
    assert said in refusal


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda _: b"", lambda data: b"PK" + data])
def test_damaged_weights_are_refused(copy: Path, damage: Callable[[bytes], bytes]) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    assert refusal_of(copy).startswith(f"The network in {copy} cannot be loaded: ")


def test_weights_that_are_not_whole_are_refused(copy: Path) -> None:
    file = copy / "model.safetensors"
    weights = load_file(file)
    gone = ["model.layers.1.mlp.up_proj.weight", "model.norm.weight"]
    save_file({name: weight for name, weight in weights.items() if name not in gone}, file, {"format": "pt"})
    assert refusal_of(copy) == f"The weights in {copy} are not whole: {gone[0]} and 1 more cannot be found."


@pytest.mark.parametrize("kept", ["", "tokenizer_config.json"])
def test_a_missing_tokenizer_is_refused(copy: Path, kept: str) -> None:
    for file in copy.glob("tokenizer*"):
        if file.name != kept:
            file.unlink()
    assert refusal_of(copy) == f"{copy} has no tokenizer (no tokenizer.json, vocabulary or *.model)."


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", "{"),
        ("tokenizer.json", '{"a": 1}'),
        ("tokenizer.json", '{"added_tokens": [], "model": {"type": "Film"}}'),
        ("tokenizer_config.json", "[]"),
    ],
)
def test_a_damaged_tokenizer_is_refused(copy: Path, name: str, content: str) -> None:
    (copy / name).write_text(content)
    assert refusal_of(copy).startswith(f"The tokenizer in {copy} cannot be loaded: ")


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "../x", "a/b/c", "~/model"])
def test_a_path_that_does_not_exist_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal_of(name) == f"There is no folder {name}, so it cannot be used as a base."


@pytest.mark.parametrize("name", ["distilgpt2", "owner/name", "two words", "-", "a\0b"])
def test_with_the_hub_switched_off_both_offline_choices_are_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    refusal = refusal_of(name)
    assert refusal.startswith(f"The base {name!r} is neither a folder here nor reachable on the hub (")
    assert refusal.endswith(OFFLINE_CHOICES)


def test_a_hub_is_asked_once_and_may_then_be_gone(base_folder: Callable[[str], Path], tmp_path: Path) -> None:
    source = Path(shutil.copytree(base_folder("gpt2"), tmp_path / "source"))
    for unwanted in ("pytorch_model.bin", "modeling_evil.py", "flax_model.msgpack", "model.onnx"):
        (source / unwanted).write_bytes(b"unwanted")
    script = tmp_path / "hub.py"
    script.write_text(HUB, encoding="utf-8")
    asked = subprocess.run(
        [sys.executable, script, source],
        env={**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    told = json.loads(asked.stdout)
    expected = load_pretrained(str(base_folder("gpt2")), with_separator=True)
    total = float(embedding_of(expected.network).weight.detach().sum())
    assert told["loaded"] == ["tiny/gpt2", len(expected.tokenizer), pytest.approx(total)]
    assert told["cached"] == told["cached_beside_silence"] == told["loaded"]
    assert set(told["asked"]) == {file.name for file in base_folder("gpt2").iterdir()}
    for why in ("unknown", "down", "silent"):
        assert told[why].startswith(
            "The base 'tiny/other' is neither a folder here nor reachable on the hub ("
        )
        assert told[why].endswith(OFFLINE_CHOICES)
    assert "Connection refused" in told["down"]
    assert "timed out" in told["silent"]
