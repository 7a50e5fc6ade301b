"""A real server on this machine, models of a small table, and the official client."""

import queue
import random
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import uvicorn
from openai import OpenAI
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from finetable.inference.live_request import Ask, Piece
from finetable.serving.app import create_app
from finetable.serving.database import Database
from finetable.serving.file_store import FileStore
from finetable.serving.job_store import JobStore
from finetable.serving.loaded_model import LoadedModel
from finetable.serving.state import Serving, open_serving
from finetable.serving.upload_store import UploadStore
from finetable.verb_settings import ServeSettings
from finetable.verbs import train

DEEDS = {
    "crime": ["steals a painting", "hides the money", "is hunted by the police"],
    "love": ["falls in love", "writes a tender letter", "plans a wedding"],
    "horror": ["hears the dead whisper", "finds a cursed mirror", "is followed by a ghost"],
}
PEOPLE = ["a nurse", "a thief", "two sisters", "an old sailor", "a young cook", "the mayor"]
TEMPLATE = (
    "{% for message in messages %}{% if message.role not in ('system', 'user', 'assistant') %}"
    "{{ raise_exception('unknown role') }}{% endif %}<|{{ message.role }}|>{{ message.content }}"
    "{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
LONG = 100_000


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    url: str
    serving: Serving

    def client(self, strict: bool = False) -> OpenAI:
        return OpenAI(
            base_url=f"{self.url}/v1", api_key="any", max_retries=0, _strict_response_validation=strict
        )

    @contextmanager
    def model(self, name: str) -> Iterator[LoadedModel]:
        with self.serving.shelf.lend(name) as model:
            yield model


@contextmanager
def running(
    home: Path, folders: tuple[Path, ...], rows: tuple[dict[str, Any], ...] = ()
) -> Iterator[Running]:
    serving = open_serving(ServeSettings(home=home), folders)
    for row in rows:
        serving.database.insert("models", row)
    config = uvicorn.Config(create_app(serving, None), log_config=None, access_log=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Running(f"http://127.0.0.1:{listener.getsockname()[1]}", serving)
        finally:
            server.should_exit = True
            thread.join()


def write_table(file: Path) -> Path:
    chance = random.Random(4)
    lines = ["title,genre,plot"]
    for number in range(120):
        genre = chance.choice(sorted(DEEDS))
        lines.append(f"Film {number},{genre},{chance.choice(PEOPLE)} {chance.choice(DEEDS[genre])} {number}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


SETTINGS: dict[str, Any] = {
    "base": "scratch",
    "size": "tiny",
    "epochs": 2,
    "validations": 2,
    "patience": 0,
    "batch_tokens": 256,
}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory, base_folder: Callable[[str], Path]) -> tuple[Path, ...]:
    """Models of every kind, each called by its folder's name."""
    made = tmp_path_factory.mktemp("served")
    table = write_table(made / "films.csv")
    train(table, out=made / "writer", write="plot", given="genre", **SETTINGS)
    train(table, out=made / "free", write="plot", **SETTINGS)
    train(table, out=made / "labeller", label="genre", given="title,plot", **SETTINGS)
    for name, template in (("gpt2", None), ("qwen2", TEMPLATE), ("llama", TEMPLATE)):
        shutil.copytree(base_folder(name), made / name)
        if template is not None:
            (made / name / "chat_template.jinja").write_text(template, encoding="utf-8")
    _make_long(made / "long", base_folder("qwen2"))
    names = ("writer", "free", "labeller", "gpt2", "qwen2", "llama", "long")
    return tuple(made / name for name in names)


@pytest.fixture(scope="session")
def rows(folders: tuple[Path, ...]) -> tuple[dict[str, Any], ...]:
    """Models as jobs leave them: of prompts with completions, and of chats."""
    writer = str(folders[0])
    known = {"folder": writer, "created_at": 1, "job_id": "ftjob-1", "step": None}
    return tuple({**known, "name": f"ft:{form}", "form": form} for form in ("completion", "chat"))


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    folders: tuple[Path, ...],
    rows: tuple[dict[str, Any], ...],
) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("home"), folders, rows) as found:
        yield found


@pytest.fixture(params=[False, True], ids=["loose", "strict"])
def client(request: pytest.FixtureRequest, server: Running) -> Iterator[OpenAI]:
    with server.client(request.param) as found:
        yield found


@pytest.fixture
def loose(server: Running) -> Iterator[OpenAI]:
    with server.client() as found:
        yield found


@pytest.fixture(scope="session")
def write(server: Running) -> Callable[[str, Ask], list[Piece]]:
    """The pieces that a model's engine writes when asked directly."""

    def pieces(name: str, ask: Ask) -> list[Piece]:
        news: queue.Queue[Piece | Exception] = queue.Queue()
        found: list[Piece] = []
        with server.model(name) as model:
            model.engine.submit(ask, news.put)
            while not found or found[-1].finish is None:
                piece = news.get(timeout=60)
                assert isinstance(piece, Piece)
                found.append(piece)
        return found

    return pieces


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[Running]]:
    """Runs another server on a home and folders."""
    return running


def _make_long(folder: Path, like: Path) -> None:
    """A base that can write on for minutes, so that it matters who ends its texts."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(like)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=LONG,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@dataclass
class Stores:
    home: Path
    database: Database
    files: FileStore
    uploads: UploadStore
    jobs: JobStore


def open_stores(home: Path) -> Stores:
    home.mkdir(exist_ok=True)
    database = Database(home / "finetable.sqlite3")
    files = FileStore(database, home)
    return Stores(home, database, files, UploadStore(database, files, home), JobStore(database))


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    opened = open_stores(tmp_path / "home")
    yield opened
    opened.database.close()
