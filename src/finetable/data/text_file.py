"""Text of a file: which encoding it is in, and its lines as they are, streamed."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Literal

from charset_normalizer import CharsetMatch, from_bytes

from finetable.data.table_file import TableFile
from finetable.errors import TableError

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NOT_TEXT_MAGIC = {b"PK\x03\x04": "an Excel workbook or a zip archive", b"PAR1": "a Parquet file"}
_CHUNK_BYTES = 1 << 20
_UTF16_ZEROS_MIN = 0.25
_BLANK_BYTES = b"\t\n\v\f\r\x1b"
# Random bytes have a tenth; texts in any encoding of bytes next to none.
_COMMAND_SHARE_MAX = 0.03
_GUESS_BYTES = 1 << 16
# Many short looks: text beyond ASCII is often rare within its line.
_GUESS_STEPS, _GUESS_STEP_BYTES = 32, 1024
# How much messier, and how much less like a language, cp1252 may look than the best guess.
_WESTERN_CHAOS_MARGIN, _WESTERN_COHERENCE_MARGIN = 0.05, 0.03


@contextmanager
def text_lines(file: TableFile, encoding: str, newline: Literal["", "\n"]) -> Iterator[Iterator[str]]:
    """Lines of the file with their ends as they are, without a byte order mark.

    With `newline` "" a line ends at LF, CR LF or CR, with LF only there. Raises TableError, with the
    line, for bytes that are not of this encoding.
    """
    try:
        with (
            file.open_bytes() as stream,
            io.TextIOWrapper(stream, encoding=encoding, newline=newline) as lines,
        ):
            first = next(lines, "").removeprefix("\ufeff")
            yield chain([first] if first else [], lines)
    except UnicodeDecodeError as fault:
        other = "cp1252" if encoding.lower().startswith("utf") else "latin-1"
        raise TableError(
            f"Line {_undecodable_line(file, encoding)} of {file.name} holds bytes that are not {encoding}: "
            f"mend that line, or name the file's encoding, for example with --encoding {other}."
        ) from fault


def encoding_of(file: TableFile, named: str | None) -> str:
    """The encoding that a person named, or that the file is found to have; raises TableError."""
    return _detect_encoding(file) if named is None else _check_encoding(named)


def _check_encoding(encoding: str) -> str:
    """The encoding that a person named; raises TableError if Python has no text encoding of that name."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding).close()
    except (LookupError, ValueError) as fault:
        raise TableError(
            f"--encoding {encoding} is not a known text encoding: try utf-8, cp1252 or utf-16."
        ) from fault
    return encoding


def _detect_encoding(file: TableFile) -> str:
    """Name of the file's encoding, by byte order mark, then zero bytes, then strict UTF-8, then likeness.

    Only where the whole file is not UTF-8 is charset-normalizer asked, on the lines beyond ASCII; cp1252
    is preferred where it looks nearly as good as the best guess. Raises TableError where nothing fits.
    """
    with file.open_bytes() as stream:
        start = stream.read(_CHUNK_BYTES)
    for magic, what in _NOT_TEXT_MAGIC.items():
        if start.startswith(magic):
            raise TableError(f"{file.name} is {what}, not text: save it as CSV, or correct its ending.")
    for mark, encoding in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return encoding
    wide = _detect_utf16(start)
    if wide is not None:
        return wide
    broken_line = _undecodable_line(file, "utf-8")
    if broken_line is None:
        return "utf-8"
    if _is_binary(start):
        raise TableError(
            f"{file.name} holds bytes of no text, such as a picture, a program or a damaged file has: "
            "check that it is the table you meant and was fetched whole."
        )
    sample = _lines_beyond_ascii(file)
    if _is_mostly_utf8(sample):
        raise TableError(
            f"{file.name} is UTF-8 except for line {broken_line}, which holds other bytes: mend that line, "
            "or name the file's encoding with --encoding, for example --encoding cp1252."
        )
    guess = _guess_encoding(sample.replace(b"\0", b""))
    if guess is None:
        raise TableError(
            f"The encoding of {file.name} cannot be told (line {broken_line} is not UTF-8): name it with "
            "--encoding, for example --encoding cp1252."
        )
    return guess


def _detect_utf16(start: bytes) -> str | None:
    """UTF-16 without a mark: of an ASCII character one byte in two is zero; a stray zero is none."""
    zeros = start.count(0)
    if not zeros or (zeros < _UTF16_ZEROS_MIN * len(start) and _is_utf8_start(start)):
        return None
    whole = start[: len(start) // 2 * 2]
    zeros_first, zeros_second = whole[::2].count(0), whole[1::2].count(0)
    encoding = "utf-16-le" if zeros_second > zeros_first else "utf-16-be"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(whole)
    except UnicodeDecodeError:
        return None
    # Other bytes, read two by two, give signs of all the world but hardly the end of a line.
    return None if "\0" in text or "\n" not in text.replace("\r", "\n") else encoding


def _is_binary(start: bytes) -> bool:
    """Whether more of the bytes command a device than any text has, but for blanks and line ends."""
    commands = sum(start.count(byte) for byte in range(32) if byte not in _BLANK_BYTES)
    return commands > _COMMAND_SHARE_MAX * len(start)


def _is_utf8_start(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True


def _undecodable_line(file: TableFile, encoding: str) -> int | None:
    """Number of the first line with bytes that are not of this encoding, None if there is none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    line = 1
    with file.open_bytes() as stream:
        try:
            while chunk := stream.read(_CHUNK_BYTES):
                line += newlines.decode(decoder.decode(chunk)).count("\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as fault:
            good = fault.object[: fault.start].decode(encoding, "replace")
            return line + newlines.decode(good, final=True).count("\n")
    return None


def _lines_beyond_ascii(file: TableFile) -> bytes:
    taken: list[bytes] = []
    size = 0
    with file.open_bytes() as stream:
        for line in stream:
            if not line.isascii():
                taken.append(line)
                size += len(line)
                if size >= _GUESS_BYTES:
                    break
    return b"".join(taken)


def _is_mostly_utf8(sample: bytes) -> bool:
    """Whether most of what is beyond ASCII is valid UTF-8, as it is by chance in no other encoding."""
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return sum(not character.isascii() for character in text) > 2 * broken


def _guess_encoding(sample: bytes) -> str | None:
    best = _best_match(sample, None)
    western = _best_match(sample, ["cp1252"])
    if western is not None and (
        best is None
        or (
            western.chaos <= best.chaos + _WESTERN_CHAOS_MARGIN
            and western.coherence >= best.coherence - _WESTERN_COHERENCE_MARGIN
        )
    ):
        return "cp1252"
    return None if best is None else best.encoding


def _best_match(sample: bytes, encodings: list[str] | None) -> CharsetMatch | None:
    return from_bytes(sample, steps=_GUESS_STEPS, chunk_size=_GUESS_STEP_BYTES, cp_isolation=encodings).best()
