"""A client's training file becomes the table that `finetable train` is given."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from finetable.data.read_table import read_table
from finetable.data.table_file import kind_of
from finetable.errors import TableError, UserError
from finetable.serving.chat_template import MessageError, check_messages, rendered, text_of
from finetable.serving.file_store import ending_of
from finetable.serving.json_lines import LineError, objects
from finetable.serving.unpacked_size import check_unpacked_size
from finetable.tasks.task import FEWEST_EXAMPLES

Form = Literal["completion", "chat", "columns"]
Pair = tuple[str, str]
PROMPT, COMPLETION, SPLIT = "prompt", "completion", "finetable_split"
ROWS_AT_ONCE = 10_000
FEWEST_VALIDATION_EXAMPLES = 2
STRUCTURE = "The job failed due to an invalid training file. "


@dataclass
class DataError(Exception):
    """Data that cannot be learnt from, as a failed job tells it."""

    code: str
    message: str
    param: str = "training_file"


@dataclass(frozen=True)
class Prepared:
    """A table with the options of `finetable train` that say what is learnt from it."""

    table: Path
    options: tuple[str, ...]  # a name and its value by turns
    form: Form


@dataclass(frozen=True)
class Given:
    """A file as a client gave it: where it is, and its name."""

    path: Path
    filename: str

    @property
    def is_table(self) -> bool:
        """Whether it is read by its columns."""
        return kind_of(self.filename) not in (None, "jsonl")


def prepare(training: Given, validation: Given | None, metadata: Mapping[str, str], folder: Path) -> Prepared:
    """Check the files and make the table in `folder`; raises DataError.

    The examples of a validation file are taken in turn for validating while training and for judging after
    it; without one the training file is split as `finetable train` splits every table.
    """
    if training.is_table or "write" in metadata or metadata.get("label") not in (None, COMPLETION):
        return _prepare_columns(training, validation, metadata, folder)
    for given, param in ((training, "training_file"), (validation, "validation_file")):
        if given is not None and given.filename.lower().endswith(".gz"):
            message = "Examples are taken as plain JSON Lines: unpack the file first."
            raise DataError(f"invalid_{param}", message, param)
    form, pairs = _pairs(training, "training_file")
    table = folder / "table.parquet"
    if validation is None:
        has_prompt = _write(table, ((*pair, "") for pair in pairs()))
    else:
        other, more = _pairs(validation, "validation_file")
        if other != form:
            raise DataError(
                "invalid_validation_file",
                f"The training file holds {form} examples and the validation file {other} examples.",
                "validation_file",
            )
        has_prompt = _write(table, chain(((*pair, "train") for pair in pairs()), _split(more())))
    job = "--label" if metadata.get("label") == COMPLETION else "--write"
    options = [job, COMPLETION]
    if has_prompt:
        options += ["--given", PROMPT]
    if validation is not None:
        options += ["--split-column", SPLIT]
    return Prepared(table, tuple(options), form)


def _pairs(given: Given, param: str) -> tuple[Form, Callable[[], Iterator[Pair]]]:
    """The kind of examples in a JSON Lines file, and a way to read them; all have been checked."""
    try:
        first = next(objects(given.path), None)
        if first is None:
            raise _too_few(0, param)
        form: Form = "chat" if "messages" in first[1] else "completion"
        read = _chat_pairs if form == "chat" else _completion_pairs
        count = sum(1 for _ in read(given.path))
    except (LineError, MessageError) as fault:
        name = param.removesuffix("_file")
        message = STRUCTURE.replace("training", name) + f"Invalid file format. {fault}"
        raise DataError(f"invalid_{param}", message, param) from None
    fewest = FEWEST_EXAMPLES if param == "training_file" else FEWEST_VALIDATION_EXAMPLES
    if count < fewest:
        raise _too_few(count, param)
    return form, lambda: read(given.path)


def _too_few(count: int, param: str) -> DataError:
    name, fewest = ("Training", FEWEST_EXAMPLES)
    if param == "validation_file":
        name, fewest = ("Validation", FEWEST_VALIDATION_EXAMPLES)
    return DataError(
        "invalid_n_examples",
        f"{name} file has {count} example(s), but must have at least {fewest} examples",
        param,
    )


def _completion_pairs(path: Path) -> Iterator[Pair]:
    for example, (_, found) in enumerate(objects(path), 1):
        if COMPLETION not in found and "messages" not in found:
            if "preferred_output" in found or "non_preferred_output" in found:
                raise MessageError("The file holds preferences, which only method 'dpo' takes.")
            raise MessageError(
                "Unexpected file format, expected either prompt/completion pairs or chat messages."
            )
        pair = found.get(PROMPT, ""), found.get(COMPLETION)
        if not all(isinstance(text, str) for text in pair):
            raise MessageError(f"Example {example} needs a text as 'prompt' and one as 'completion'")
        yield pair[0], str(pair[1])


def _chat_pairs(path: Path) -> Iterator[Pair]:
    """A pair for each answer that is to be learnt, with everything before it as its prompt."""
    for example, (_, found) in enumerate(objects(path), 1):
        try:
            messages: list[dict[str, Any]] = found.get("messages", [])
            check_messages(messages)
        except MessageError as fault:
            raise MessageError(f"Example {example}, {fault}") from None
        learnt = [
            place
            for place, message in enumerate(messages)
            if message["role"] == "assistant" and message.get("weight", 1) == 1
        ]
        if not learnt:
            raise MessageError(f"Example {example} has no assistant message to learn from")
        for place in learnt:
            yield rendered(messages[:place]), text_of(messages[place])


def _split(pairs: Iterable[Pair]) -> Iterator[tuple[str, str, str]]:
    for number, pair in enumerate(pairs):
        yield (*pair, "test" if number % 2 else "validation")


def _write(table: Path, rows: Iterable[tuple[str, str, str]]) -> bool:
    """Write the table; whether any row has a prompt."""
    schema = pa.schema([(name, pa.large_string()) for name in (PROMPT, COMPLETION, SPLIT)])
    has_prompt = False
    with pq.ParquetWriter(table, schema) as out:
        piece: list[tuple[str, str, str]] = []
        for row in rows:
            has_prompt = has_prompt or row[0].strip() != ""
            piece.append(row)
            if len(piece) == ROWS_AT_ONCE:
                out.write_table(_columns(piece, schema))
                piece = []
        out.write_table(_columns(piece, schema))
    return has_prompt


def _columns(piece: list[tuple[str, str, str]], schema: pa.Schema) -> pa.Table:
    columns = [[row[place] for row in piece] for place in range(len(schema))]
    return pa.table(dict(zip(schema.names, columns, strict=True)), schema=schema)


def _prepare_columns(
    training: Given, validation: Given | None, metadata: Mapping[str, str], folder: Path
) -> Prepared:
    """A table whose columns the metadata name: `write` or `label`, and `given`."""
    options = [
        word for name in ("write", "label") if name in metadata for word in (f"--{name}", metadata[name])
    ]
    if not options:
        raise DataError(
            "invalid_training_file",
            "A table needs metadata that name its columns: 'write' or 'label' for the one to learn, and "
            "'given' for those it is learnt from, separated by commas.",
        )
    if metadata.get("given"):
        options += ["--given", metadata["given"]]
    for given, param in ((training, "training_file"), (validation, "validation_file")):
        _check_size(given, param)
    table = folder / f"table{ending_of(training.filename) or '.jsonl'}"
    if validation is None:
        table.unlink(missing_ok=True)
        os.link(training.path, table)
        return Prepared(table, tuple(options), "columns")
    joined = folder / "table.parquet"
    _join(training, validation, joined)
    return Prepared(joined, (*options, "--split-column", SPLIT), "columns")


def _check_size(given: Given | None, param: str) -> None:
    if given is None or not ending_of(given.filename):
        return  # by its name no table: lines of JSON, as was checked, and not packed
    try:
        check_unpacked_size(given.filename, given.path)
    except TableError as fault:
        raise DataError(f"invalid_{param}", str(fault), param) from fault


def _join(training: Given, validation: Given, joined: Path) -> None:
    try:
        parts = [read_table(str(given.path)).columns for given in (training, validation)]
    except UserError as fault:
        raise DataError("invalid_training_file", str(fault)) from fault
    common = [name for name in parts[0].column_names if name in parts[1].column_names]
    splits = [
        ["train"] * parts[0].num_rows,
        ["test" if row % 2 else "validation" for row in range(parts[1].num_rows)],
    ]
    tables = [
        part.select(common).append_column(SPLIT, pa.array(split, pa.string()))
        for part, split in zip(parts, splits, strict=True)
    ]
    pq.write_table(pa.concat_tables(tables, promote_options="permissive"), joined)
