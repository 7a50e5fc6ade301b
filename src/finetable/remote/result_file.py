"""The result file of a job: CSV, which the hosted API gives in base64."""

import base64
import binascii
import csv
import io

FIRST_COLUMN = "step"


def csv_of(content: bytes) -> str:
    """The CSV in a result file, decoded where it comes in base64; another content stays as it is."""
    text = content.decode("utf-8-sig", "replace")
    if text.startswith(FIRST_COLUMN):
        return text
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True).decode("utf-8-sig")
    except (binascii.Error, UnicodeDecodeError):
        return text
    return decoded if decoded.startswith(FIRST_COLUMN) else text


def losses_of(text: str) -> list[float]:
    """The training loss of each step that has one."""
    return [float(row["train_loss"]) for row in csv.DictReader(io.StringIO(text)) if row.get("train_loss")]
