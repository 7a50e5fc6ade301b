"""A model folder: a plain Hugging Face model, and beside it what finetable knows about it.

DIR/
  config.json, model.safetensors, tokenizer.json, …   opened by transformers alone
  README.md                                            the model card
  report.html                                          the report, with all pictures
  finetable.json                                       the record: recipe, labels, plan, figures
  finetable/rows.parquet                               rows learnt from and judged on, with their splits
  finetable/judged.parquet, written.parquet            what the figures were computed from
  finetable/copies/, pictures/                         index of training texts; what the card shows
  finetable/set_aside.jsonl                            rows that were not taken: line and reason
  finetable/steps.jsonl, samples.jsonl                 what happened while training
  finetable/checkpoints/                               while training only
  finetable/epochs/step-000000123/                     models of the last epochs, where --keep-epochs asks
  finetable/lock                                       held by the process that trains
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from transformers import PreTrainedTokenizerFast

from finetable.atomic_files import (
    disk_faults,
    flush,
    is_whole,
    sha256,
    write_atomically,
    write_folder,
    write_json,
    write_text,
)
from finetable.data.copies import CopyIndex
from finetable.data.table import SetAside
from finetable.errors import ModelFolderError
from finetable.folder_lock import FolderLock, is_locked
from finetable.frozen_rows import SplitRows
from finetable.kept_epochs import KeptEpochs
from finetable.models.base_model import BaseModel, special_tokens_of
from finetable.models.pretrained import check_folder, read_network, read_tokenizer
from finetable.record import RECORD, Record, read_finished, read_record

__all__ = ["Details", "ModelFolder", "Record"]


@dataclass(frozen=True, eq=False)
class Details:
    """What the figures of a run were computed from, a row for each row judged.

    `judged` has `row_id`, `split` (validation or test) and, for a labeller, `truth` (codes into the labels)
    and `probabilities` (calibrated); for a writer `nats`, `bytes`, `tokens` and the fields of a Copy after
    "copy_". `written` has the `text` of each row that a writer wrote freely, and its Copy.
    """

    judged: pa.Table
    written: pa.Table | None = None


class ModelFolder:
    """Reads and writes the files of one model folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inner = path / "finetable"
        self.lock = FolderLock(path)

    @property
    def record_file(self) -> Path:
        """Where finetable keeps what it knows of the model."""
        return self.path / RECORD

    @property
    def tokenizer(self) -> Path:
        """The tokenizer of an unfinished run, with its special tokens."""
        return self.inner / "tokenizer"

    @property
    def base_card(self) -> Path:
        """The card of the base, where it came with finetable."""
        return self.path / "BASE.md"

    @property
    def report(self) -> Path:
        """The report of the run."""
        return self.path / "report.html"

    @property
    def pictures(self) -> Path:
        """The report's pictures, each a file."""
        return self.inner / "pictures"

    @property
    def checkpoints(self) -> Path:
        """Where an unfinished run keeps what resuming needs."""
        return self.inner / "checkpoints"

    @property
    def _built(self) -> Path:
        return self.inner / "model.partial"

    @property
    def kept_epochs(self) -> KeptEpochs:
        """The models of the last epochs, where they were asked for."""
        return KeptEpochs(self.inner / "epochs")

    def epochs(self) -> list[tuple[int, Path]]:
        """Steps done and model folder of every epoch that is kept, the oldest first."""
        return self.kept_epochs.all()

    def create(
        self,
        record: Record,
        rows: SplitRows,
        set_aside: Sequence[SetAside],
        tokenizer: PreTrainedTokenizerFast,
    ) -> None:
        """Make the folder of a run that starts, whole or not at all, and hold its lock.

        Raises ModelFolderError where something is there already, or the disk is full.
        """
        partial = self._partial()
        try:
            with disk_faults(self.path):
                begun = ModelFolder(partial)
                begun.inner.mkdir(parents=True)
                self.lock.take_in(partial)
                _write_parquet(begun.inner / "rows.parquet", rows.columns)
                lines = [json.dumps(vars(row), ensure_ascii=False) for row in set_aside]
                write_text(begun.inner / "set_aside.jsonl", "".join(f"{line}\n" for line in lines))
                tokenizer.save_pretrained(begun.tokenizer)
                for file in (*begun.tokenizer.iterdir(), begun.tokenizer, begun.inner):
                    flush(file)
                begun.write_record(record)
                self.lock.rename(partial)
                flush(self.path.parent)
        except ModelFolderError:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def _partial(self) -> Path:
        """Where this process makes the folder; what killed ones left is taken away."""
        for left in self.path.parent.glob(f".{escape(self.path.name)}.*.partial"):
            if not is_locked(left):
                shutil.rmtree(left, ignore_errors=True)
        return self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")

    def write_record(self, record: Record) -> None:
        """Write finetable.json."""
        write_json(self.record_file, record.model_dump(mode="json"))

    def read_record(self) -> Record:
        """Read finetable.json; raises ModelFolderError where it is missing or damaged."""
        return read_record(self.path)

    def read_finished(self) -> Record:
        """The record of a run that has ended; raises ModelFolderError for one that has not."""
        return read_finished(self.path)

    def read_rows(self) -> SplitRows:
        """The rows with their frozen splits."""
        return SplitRows(_read_parquet(self.inner / "rows.parquet"))

    def copy_index(self, texts: Callable[[], Iterable[str]]) -> CopyIndex:
        """The index of the training texts, built once and kept in the folder; anew where it is damaged."""
        folder = self.inner / "copies"
        if not is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
            write_folder(folder, CopyIndex.build(texts()).save)
        return CopyIndex.load(folder)

    def write_details(self, details: Details) -> None:
        """Keep what the figures were computed from."""
        _write_parquet(self.inner / "judged.parquet", details.judged)
        if details.written is not None:
            _write_parquet(self.inner / "written.parquet", details.written)

    def write_pictures(self, pictures: Mapping[str, str]) -> None:
        """Keep pictures, SVG by name, for the model card to show."""
        with disk_faults(self.pictures):
            self.pictures.mkdir(exist_ok=True)
        for name, svg in pictures.items():
            write_text(self.pictures / f"{name}.svg", svg)

    def read_details(self) -> Details:
        """What `write_details` kept; raises ModelFolderError where it is missing or damaged."""
        written = self.inner / "written.parquet"
        return Details(
            _read_parquet(self.inner / "judged.parquet"), _read_parquet(written) if written.exists() else None
        )

    def read_lines(self, name: str) -> list[dict[str, Any]]:
        """The objects of one of finetable's JSON Lines files; raises ModelFolderError where it is damaged."""
        file = self.inner / f"{name}.jsonl"
        try:
            return [json.loads(line) for line in file.read_bytes().split(b"\n") if line]
        except (OSError, json.JSONDecodeError, UnicodeDecodeError) as fault:
            raise ModelFolderError(f"{file} is missing or damaged; copy the folder again.") from fault

    def write_model(self, base: BaseModel, record: Record, card: str) -> Record:
        """Put the trained model and its card into the folder, and last the record that says so; give that."""
        built = self._built
        shutil.rmtree(built, ignore_errors=True)
        with disk_faults(self.path):
            base.network.save_pretrained(built)
            base.tokenizer.save_pretrained(built)
            digests = {file.name: sha256(file) for file in sorted(built.iterdir())}
            for name in digests:
                flush(built / name)
                (built / name).replace(self.path / name)
            flush(self.path)
        write_text(self.path / "README.md", card)
        finished = record.model_copy(update={"status": "finished", "files": digests})
        self.write_record(finished)
        self.remove_leftovers()
        return finished

    def remove_leftovers(self) -> None:
        """Remove what only a run under way needs."""
        for leftover in (self._built, self.checkpoints, self.tokenizer):
            shutil.rmtree(leftover, ignore_errors=True)

    def read_model(self, record: Record) -> BaseModel:
        """The trained model; raises ModelFolderError where a file is missing or is not what was written."""
        for name, digest in record.files.items():
            file = self.path / name
            if not file.is_file() or sha256(file) != digest:
                state = "was changed after training" if file.is_file() else "is missing"
                raise ModelFolderError(
                    f"{file} {state}; copy the folder again or train again into a new one."
                )
        check_folder(self.path)
        network, tokenizer = read_network(self.path), read_tokenizer(self.path)
        return BaseModel(network, tokenizer, special_tokens_of(tokenizer), record.recipe.base.base)


def _write_parquet(file: Path, table: pa.Table) -> None:
    write_atomically(file, lambda partial: pq.write_table(table, partial))


def _read_parquet(file: Path) -> pa.Table:
    try:
        return pq.read_table(file)
    except (OSError, pa.ArrowInvalid) as fault:
        raise ModelFolderError(
            f"{file} is missing or damaged; copy the folder again or train again into a new one."
        ) from fault
