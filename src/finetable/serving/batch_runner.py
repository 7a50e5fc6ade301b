"""Answers the lines of batches, one batch after the other, in a thread with a loop of its own.

What was answered lies in the batch's folder, so a server that was killed goes on where it was.
"""

import asyncio
import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finetable.serving.batch_lines import Answered, answer_line, check_lines
from finetable.serving.batch_store import BatchStore, batch_reply
from finetable.serving.database import Row
from finetable.serving.faults import is_full
from finetable.serving.file_store import FileStore, Incoming
from finetable.serving.identifiers import id_made_of
from finetable.serving.json_lines import objects
from finetable.serving.lending import ended
from finetable.serving.model_shelf import ModelShelf

LINES_AT_ONCE = 16
TICK_SECONDS = 0.2
SECONDS_BETWEEN_NOTES = 1.0
SECONDS_AFTER_A_FAULT = 5.0
INPUT, ANSWERED = "input.jsonl", "answered.jsonl"

log = logging.getLogger("finetable.serving")


class BatchRunner:
    """Takes batches in turn: checks their lines, answers them, and keeps the answers as files."""

    def __init__(self, batches: BatchStore, files: FileStore, shelf: ModelShelf, home: Path) -> None:
        self.batches = batches
        self._files = files
        self._shelf = shelf
        self._folder = home / "batches"
        self._folder.mkdir(parents=True, exist_ok=True)
        active = {row["id"] for row in batches.active()}
        for left in self._folder.iterdir():
            if left.name not in active:
                shutil.rmtree(left)
        self._ending = threading.Event()
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="batch-runner")

    def start(self) -> None:
        """Begin with what is waiting."""
        self._thread.start()

    def close(self) -> None:
        """Stop; lines under way are answered when the server runs again."""
        self._ending.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def add(self, row: Row, content: dict[str, Any]) -> Row:
        """Keep a new batch with a link of its own to its file, so that deleting that changes nothing."""
        folder = self._folder / row["id"]
        folder.mkdir()
        os.link(self._files.path(row["input_file_id"]), folder / INPUT)
        created = self.batches.create(row, content)
        self._news.set()
        return created

    def _repeat(self) -> None:
        while not self._ending.is_set():
            self._news.clear()
            try:
                self._bring_all_on()
            except Exception:
                # One fault must not end the thread: a person can mend the disk, and all goes on then.
                log.exception("the batches' thread met a fault")
                self._ending.wait(SECONDS_AFTER_A_FAULT)
                self._news.set()
            self._news.wait()

    def _bring_all_on(self) -> None:
        for row in self.batches.active():
            if self._ending.is_set():
                return
            try:
                self._bring_on(row)
            except Exception as fault:
                if is_full(fault) or isinstance(fault, sqlite3.Error):
                    raise
                log.exception("the batch %s met a fault", row["id"])
                told = {"code": "server_error", "message": "The server met a fault; its log says more."}
                self._fail(row["id"], [told])

    def _bring_on(self, row: Row) -> None:
        """Bring one batch to its end; returns early where the server ends."""
        batch_id = row["id"]
        folder = self._folder / batch_id
        if row["status"] == "validating":
            count, faults = check_lines(folder / INPUT, row["endpoint"])
            if faults:
                self._fail(batch_id, faults)
                return
            counts = {"total": count, "completed": 0, "failed": 0}
            self.batches.move(batch_id, ("validating",), "in_progress", request_counts=counts)
        answered = Answered(folder / ANSWERED)
        try:
            if self.batches.find(batch_id)["status"] == "in_progress":
                asyncio.run(self._answer_all(row, folder, answered))
                if self._ending.is_set():
                    return
                self.batches.move(batch_id, ("in_progress",), "finalizing")
            self._finish(batch_id, answered)
        finally:
            answered.close()
        shutil.rmtree(folder)

    async def _answer_all(self, row: Row, folder: Path, answered: Answered) -> None:
        """Answer what is not answered, several lines at once; returns early where the batch is cancelled."""
        lines = (found for found in objects(folder / INPUT) if found[0] not in answered)
        working = [
            asyncio.ensure_future(self._answer_some(row["endpoint"], lines, answered))
            for _ in range(LINES_AT_ONCE)
        ]
        noted = time.monotonic()
        try:
            waiting: set[asyncio.Future[None]] = set(working)
            while waiting and not self._ending.is_set():
                done, waiting = await asyncio.wait(waiting, timeout=TICK_SECONDS)
                for task in done:
                    task.result()
                if self.batches.find(row["id"])["status"] != "in_progress":
                    return
                if time.monotonic() - noted > SECONDS_BETWEEN_NOTES:
                    noted = time.monotonic()
                    self._note(row["id"], answered)
        finally:
            await ended(*working)

    async def _answer_some(
        self, endpoint: str, lines: Iterator[tuple[int, dict[str, Any]]], answered: Answered
    ) -> None:
        for number, line in lines:
            was_answered, output = await answer_line(self._shelf, endpoint, line)
            answered.add(number, was_answered, output)

    def _note(self, batch_id: str, answered: Answered) -> None:
        completed, failed = answered.counts()
        known = batch_reply(self.batches.find(batch_id))["request_counts"]
        self.batches.note(batch_id, request_counts={**known, "completed": completed, "failed": failed})

    def _finish(self, batch_id: str, answered: Answered) -> None:
        """Keep what was answered as files, and end the batch."""
        if self.batches.find(batch_id)["status"] not in ("finalizing", "cancelling"):
            return
        self._note(batch_id, answered)
        completed, failed = answered.counts()
        kept = {
            "output_file_id": self._keep(batch_id, "output", answered) if completed else None,
            "error_file_id": self._keep(batch_id, "error", answered) if failed else None,
        }
        self.batches.move(batch_id, ("finalizing",), "completed", **kept)
        self.batches.move(batch_id, ("cancelling",), "cancelled", **kept)

    def _keep(self, batch_id: str, kind: str, answered: Answered) -> str:
        def write(partial: Path) -> None:
            with partial.open("xb") as out:
                out.writelines(answered.outputs(kind == "output"))

        seconds = self.batches.find(batch_id)["output_seconds"]
        incoming = Incoming(f"{batch_id}_{kind}.jsonl", "batch_output", seconds)
        # A server killed before the batch has ended makes this file again, under the same id.
        file_id = id_made_of("file-", f"{batch_id} {kind}")
        self._files.adopt(write, incoming, file_id)
        return file_id

    def _fail(self, batch_id: str, faults: list[dict[str, Any]]) -> None:
        errors = {"object": "list", "data": faults}
        self.batches.move(
            batch_id, ("validating", "in_progress", "finalizing", "cancelling"), "failed", errors=errors
        )
        shutil.rmtree(self._folder / batch_id, ignore_errors=True)
