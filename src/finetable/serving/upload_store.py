"""Large files that come in parts."""

import hashlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from finetable.atomic_files import flush
from finetable.serving.api_errors import invalid, unknown_object
from finetable.serving.database import Database, Row
from finetable.serving.file_store import FileStore, Incoming, copy_limited
from finetable.serving.identifiers import new_id

MOST_PART_BYTES = 64 * 2**20
MOST_BYTES = 8 * 2**30
SECONDS_OPEN = 3600


class UploadStore:
    """Keeps the parts of uploads until they are made into a file."""

    def __init__(self, database: Database, files: FileStore, home: Path) -> None:
        self._database = database
        self._files = files
        self._folder = home / "parts"
        self._folder.mkdir(parents=True, exist_ok=True)
        self.sweep()

    def create(self, declared_bytes: int, mime_type: str, incoming: Incoming) -> Row:
        """Begin an upload."""
        if declared_bytes > MOST_BYTES:
            raise invalid(f"An upload may have {MOST_BYTES // 2**30} GB at most.", "bytes")
        now = int(time.time())
        row: Row = {
            "id": new_id("upload_"),
            "bytes": declared_bytes,
            "created_at": now,
            "expires_at": now + SECONDS_OPEN,
            "filename": incoming.filename,
            "mime_type": mime_type,
            "purpose": incoming.purpose,
            "status": "pending",
            "file_id": None,
            "file_seconds": incoming.seconds,
        }
        self._database.insert("uploads", row)
        return row

    def find(self, upload_id: str) -> Row:
        """What is known of an upload; raises ApiError where there is none."""
        row = self._database.row("SELECT * FROM uploads WHERE id = ?", [upload_id])
        if row is None:
            raise unknown_object("Upload", upload_id)
        return row

    def add_part(self, upload_id: str, content: BinaryIO) -> Row:
        """Keep a part; on the disk when it returns."""
        upload = self._pending(upload_id)
        part: Row = {"id": new_id("part_"), "upload_id": upload_id, "bytes": 0}
        place = self._folder / part["id"]
        try:
            with place.open("xb") as out:
                part["bytes"] = copy_limited(content, out, MOST_PART_BYTES)
            flush(self._folder)
            return self._known(upload, part)
        except BaseException:
            place.unlink(missing_ok=True)
            raise

    def _known(self, upload: Row, part: Row) -> Row:
        """Take note of a part, unless the parts are then more than was declared or the upload has ended."""
        with self._database.transaction():
            self._pending(upload["id"])
            known = self._database.value(
                "SELECT COALESCE(SUM(bytes), 0) FROM upload_parts WHERE upload_id = ?", [upload["id"]]
            )
            if known + part["bytes"] > upload["bytes"]:
                raise invalid(f"The parts hold more than the {upload['bytes']} bytes declared.", "data")
            row = {**part, "created_at": int(time.time())}
            self._database.insert("upload_parts", row)
        return row

    def complete(self, upload_id: str, part_ids: Sequence[str], md5: str | None) -> tuple[Row, Row]:
        """Make the parts, in this order, into a file; the upload and the file."""
        upload = self._pending(upload_id)
        self._check_parts(upload, part_ids)

        def join(partial: Path) -> None:
            with partial.open("xb") as out:
                for part_id in part_ids:
                    with (self._folder / part_id).open("rb") as part:
                        shutil.copyfileobj(part, out)
            if md5 is not None and _md5(partial) != md5.lower():
                raise invalid("The MD5 of the parts together is not the one given.", "md5")

        incoming = Incoming(upload["filename"], upload["purpose"], upload["file_seconds"])
        file = self._files.adopt(join, incoming)
        changed = self._database.change(
            "UPDATE uploads SET status = 'completed', file_id = ? WHERE id = ? AND status = 'pending'",
            [file["id"], upload_id],
        )
        if not changed:
            self._files.delete(file["id"])
            raise invalid(f"Upload {upload_id} was ended by another request.")
        self._forget_parts(upload_id)
        return self.find(upload_id), file

    def cancel(self, upload_id: str) -> Row:
        """End an upload without a file."""
        self._pending(upload_id)
        self._database.change("UPDATE uploads SET status = 'cancelled' WHERE id = ?", [upload_id])
        self._forget_parts(upload_id)
        return self.find(upload_id)

    def sweep(self) -> None:
        """End uploads that were not completed in time, and forget parts that belong to none."""
        now = int(time.time())
        self._database.change(
            "UPDATE uploads SET status = 'expired' WHERE status = 'pending' AND expires_at <= ?", [now]
        )
        ended = "SELECT id FROM uploads WHERE status != 'pending'"
        self._database.change(f"DELETE FROM upload_parts WHERE upload_id IN ({ended})")
        known = {row["id"] for row in self._database.rows("SELECT id FROM upload_parts")}
        for part in self._folder.iterdir():
            # A part on its way in has no row yet; what is old enough was left by a kill.
            if part.name not in known and part.stat().st_mtime < now - SECONDS_OPEN:
                part.unlink()

    def _pending(self, upload_id: str) -> Row:
        upload = self.find(upload_id)
        if upload["status"] == "pending" and upload["expires_at"] <= time.time():
            self.sweep()
            upload = self.find(upload_id)
        if upload["status"] != "pending":
            raise invalid(f"Upload {upload_id} is {upload['status']}.")
        return upload

    def _check_parts(self, upload: Row, part_ids: Sequence[str]) -> None:
        parts = self._database.rows("SELECT * FROM upload_parts WHERE upload_id = ?", [upload["id"]])
        sizes = {part["id"]: part["bytes"] for part in parts}
        unknown = [part_id for part_id in part_ids if part_id not in sizes]
        if unknown or len(set(part_ids)) < len(part_ids):
            named = unknown[0] if unknown else "a part named twice"
            raise invalid(f"Upload {upload['id']} has no such part: {named}.", "part_ids")
        total = sum(sizes[part_id] for part_id in part_ids)
        if total != upload["bytes"]:
            raise invalid(f"The parts hold {total} bytes, and {upload['bytes']} were declared.", "part_ids")

    def _forget_parts(self, upload_id: str) -> None:
        for part in self._database.rows("SELECT id FROM upload_parts WHERE upload_id = ?", [upload_id]):
            (self._folder / part["id"]).unlink(missing_ok=True)
        self._database.change("DELETE FROM upload_parts WHERE upload_id = ?", [upload_id])


def _md5(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
