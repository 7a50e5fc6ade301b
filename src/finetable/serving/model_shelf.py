"""The models that the server knows, and those in memory: loaded when asked for, gone by least recent use."""

import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CachedRevisionInfo, constants, scan_cache_dir
from huggingface_hub.errors import CacheNotFound

from finetable.errors import UserError
from finetable.serving.api_errors import ApiError, invalid, unknown_model
from finetable.serving.database import Database, Row
from finetable.serving.identifiers import FINE_TUNED, ORGANIZATION
from finetable.serving.job_store import ENDED
from finetable.serving.loaded_model import LoadedModel, ModelForm, load, run_folder
from finetable.settings import SHIPPED

SCRATCH = "scratch"
OWNER = "finetable"
HUB_OWNER = "huggingface"


@dataclass(frozen=True)
class KnownModel:
    """A model that can be named; `source` is its folder or hub name, None for a base without weights."""

    name: str
    source: str | None
    form: ModelForm
    created_at: int
    owner: str
    job_id: str | None = None
    step: int | None = None

    @property
    def run_folder(self) -> Path | None:
        """The folder of the run that the model came from, None for one that finetable did not train."""
        if self.source is None or self.form == "text":
            return None
        return run_folder(Path(self.source), self.step)


class ModelShelf:
    """Finds models by name, and lends them to requests."""

    def __init__(self, database: Database, folders: Sequence[Path], memory_gb: float) -> None:
        """Take the folders to serve; raises UserError for one that is no model folder."""
        self._database = database
        self._given = _named(folders)
        self._most_bytes = int(memory_gb * 1e9)
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._loaded: OrderedDict[str, LoadedModel] = OrderedDict()
        self._users: dict[str, int] = {}

    def known(self) -> list[KnownModel]:
        """Every model that can be named."""
        rows = self._database.rows("SELECT * FROM models ORDER BY created_at, name")
        return [*self._bases(), *_cached(), *map(_fine_tuned, rows)]

    def find(self, name: str) -> KnownModel:
        """One of them; raises ApiError where there is none."""
        row = self._database.row("SELECT * FROM models WHERE name = ?", [name])
        if row is not None:
            return _fine_tuned(row)
        for places in (self._bases, _cached):  # the hub's folder is read through only where it must be
            for model in places():
                if model.name == name:
                    return model
        raise unknown_model(name)

    def base_for_training(self, name: str) -> str:
        """What `finetable train --base` is given for a model."""
        return self.find(name).source or SCRATCH

    @contextmanager
    def lend(self, name: str) -> Iterator[LoadedModel]:
        """A model in memory for as long as it is used; loads it where it is not there yet.

        Raises ApiError for one that does not exist or has no weights.
        """
        model = self._take(name)
        try:
            yield model
        finally:
            with self._lock:
                self._users[name] -= 1
                leaving = self._surplus()
            _close(leaving)

    def delete(self, name: str) -> None:
        """Forget a fine-tuned model, and its files where no checkpoint of its job is left."""
        model = self.find(name)
        if model.job_id is None:
            raise ApiError(403, f"{name} is not a fine-tuned model, so it cannot be deleted here.")
        self._database.change("DELETE FROM models WHERE name = ?", [name])
        with self._lock:
            loaded = self._loaded.pop(name, None)
        if loaded is not None:
            loaded.close()
        left = self._database.value("SELECT COUNT(*) FROM models WHERE job_id = ?", [model.job_id])
        status = self._database.value("SELECT status FROM jobs WHERE id = ?", [model.job_id])
        folder = model.run_folder
        assert folder is not None
        # What still trains needs its folder; a person may have taken away that of a job that has ended.
        if left == 0 and status in ENDED and folder.exists():
            shutil.rmtree(folder)

    def loaded_names(self) -> list[str]:
        """The models in memory, the least recently used first."""
        with self._lock:
            return list(self._loaded)

    def close(self) -> None:
        """Let every model go."""
        with self._lock:
            leaving = list(self._loaded.values())
            self._loaded.clear()
        _close(leaving)

    def _bases(self) -> list[KnownModel]:
        shipped = KnownModel(SHIPPED, SHIPPED, "text", 0, OWNER)
        return [shipped, KnownModel(SCRATCH, None, "text", 0, OWNER), *self._given.values()]

    def _take(self, name: str) -> LoadedModel:
        if name not in self._loading or name.startswith(FINE_TUNED):
            # Nothing is kept of names that a client made up, and what was deleted answers no more.
            self.find(name)
        with self._lock:
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:
            with self._lock:
                found = self._loaded.get(name)
                if found is not None:
                    self._loaded.move_to_end(name)
                    self._users[name] = self._users.get(name, 0) + 1
                    return found
            loaded = self._load(name)
            with self._lock:
                self._loaded[name] = loaded
                self._users[name] = self._users.get(name, 0) + 1
                leaving = self._surplus()
        _close(leaving)
        return loaded

    def _load(self, name: str) -> LoadedModel:
        model = self.find(name)
        if model.source is None:
            raise invalid(f"The model `{name}` has no weights of its own; fine-tune it first.", "model")
        try:
            return load(model.source, model.form, model.step)
        except UserError as fault:
            message = str(fault).replace(model.source, model.name)
            raise ApiError(400, message, param="model") from fault

    def _surplus(self) -> list[LoadedModel]:
        """Take out the least recently used models that nobody uses while memory is over its limit."""
        leaving = []
        for name in list(self._loaded):
            if sum(model.memory_bytes for model in self._loaded.values()) <= self._most_bytes:
                break
            if not self._users.get(name):
                leaving.append(self._loaded.pop(name))
        return leaving


def _fine_tuned(row: Row) -> KnownModel:
    return KnownModel(
        row["name"],
        row["folder"],
        row["form"],
        row["created_at"],
        ORGANIZATION,
        row["job_id"],
        row["step"],
    )


def _close(models: Sequence[LoadedModel]) -> None:
    for model in models:
        model.close()


def _named(folders: Sequence[Path]) -> dict[str, KnownModel]:
    named: dict[str, KnownModel] = {}
    for folder in folders:
        if not (folder / "config.json").is_file():
            raise UserError(f"{folder} is no model folder: it has no config.json.")
        form: ModelForm = "columns" if (folder / "finetable.json").is_file() else "text"
        name = folder.resolve().name
        if name in (SHIPPED, SCRATCH):
            raise UserError(f"{folder} is named like a base that every server knows, {name!r}; rename it.")
        if name in named:
            raise UserError(f"Two model folders are called {name!r}; rename one of them.")
        made = int((folder / "config.json").stat().st_mtime)
        named[name] = KnownModel(name, str(folder.resolve()), form, made, ORGANIZATION)
    return named


def _cached() -> list[KnownModel]:
    """Hub models whose files are on this machine already, each with its newest whole revision."""
    try:
        repositories = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:
        return []
    found = []
    for repository in sorted(repositories, key=lambda repository: repository.repo_id):
        whole = [revision for revision in repository.revisions if _is_whole(revision)]
        if repository.repo_type == "model" and whole:
            newest = max(whole, key=lambda revision: revision.last_modified)
            # The folder and not the name, with which the hub would be asked for a newer one.
            place, made = str(newest.snapshot_path), int(newest.last_modified)
            found.append(KnownModel(repository.repo_id, place, "text", made, HUB_OWNER))
    return found


def _is_whole(revision: CachedRevisionInfo) -> bool:
    names = {file.file_name for file in revision.files}
    return "config.json" in names and any(name.endswith(".safetensors") for name in names)
