"""A table of a data set on the Hugging Face hub: `hf://owner/name[/path/inside]` -> a local file."""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, scan_cache_dir
from huggingface_hub.errors import (
    CacheNotFound,
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

# The hub's own name for its HTTP library, whichever of httpx's generations that is.
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

from finetable.data.table import TableKind
from finetable.data.table_file import HUB_PREFIX, kind_of
from finetable.errors import TableError

_KINDS_BY_PREFERENCE: tuple[tuple[TableKind, ...], ...] = (("parquet",), ("jsonl",), ("csv", "tsv"))
_CHOICES_LISTED = 12
_BRANCH = "main"


def fetch_hub_table(source: str) -> Path:
    """Local copy of the table that `source` names, from the hub or from its cache.

    Without a path inside, the data set must hold exactly one Parquet file, or else one JSON Lines file, or
    else one CSV or TSV file. Offline (also with HF_HUB_OFFLINE=1) the cache is searched. Raises TableError:
    no such data set or file, several files to choose from, no way to the hub.
    """
    repo_id, inside = _split(source)
    try:
        if inside is None:
            return _fetch_only_table(repo_id)
        return _download(repo_id, inside)
    except HFValidationError as fault:
        raise TableError(f"{source} is not the name of a data set: write it as hf://owner/name.") from fault
    except RepositoryNotFoundError as fault:
        raise TableError(
            f"The hub has no data set {repo_id} that is open to you: check the name, or download the table "
            "and give the path of the file."
        ) from fault
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, CacheNotFound) as fault:
        raise _unreachable(source) from fault
    except EntryNotFoundError as fault:
        raise TableError(f"The data set {repo_id} has no file {inside}: check the path.") from fault
    except httpx.HTTPError as fault:
        raise _unreachable(source) from fault


def _split(source: str) -> tuple[str, str | None]:
    # Other programs write hf://datasets/owner/name.
    parts = source.removeprefix(HUB_PREFIX).removeprefix("datasets/").strip("/").split("/", maxsplit=2)
    if len(parts) < 2 or not all(parts):
        raise TableError(f"{source} does not name a data set: write it as hf://owner/name.")
    return "/".join(parts[:2]), parts[2] if len(parts) > 2 else None


def _unreachable(source: str) -> TableError:
    return TableError(
        f"{source} is not on this machine and the hub cannot be reached: download the table elsewhere and "
        "give the path of the file."
    )


def _fetch_only_table(repo_id: str) -> Path:
    try:
        names = HfApi().list_repo_files(repo_id, repo_type="dataset")
    except RepositoryNotFoundError:
        raise
    except (OfflineModeIsEnabled, HfHubHTTPError, httpx.HTTPError):
        # Ask the cache at once; each further call to the hub would wait for its retries.
        inside = _only_table(repo_id, _cached_files(repo_id))
        return _download(repo_id, inside, local_files_only=True)
    return _download(repo_id, _only_table(repo_id, names))


def _download(repo_id: str, inside: str, *, local_files_only: bool = False) -> Path:
    return Path(hf_hub_download(repo_id, inside, repo_type="dataset", local_files_only=local_files_only))


def _cached_files(repo_id: str) -> list[str]:
    """Paths inside the data set that the cache holds; raises CacheNotFound for none."""
    names = [
        file.file_path.relative_to(revision.snapshot_path).as_posix()
        for repo in scan_cache_dir().repos
        if repo.repo_id == repo_id and repo.repo_type == "dataset"
        for revision in repo.revisions
        if _BRANCH in revision.refs
        for file in revision.files
    ]
    if not names:
        raise LocalEntryNotFoundError(f"{repo_id} is not in the cache")
    return names


def _only_table(repo_id: str, names: Sequence[str]) -> str:
    for kinds in _KINDS_BY_PREFERENCE:
        choices = sorted(name for name in names if kind_of(name) in kinds)
        if len(choices) == 1:
            return choices[0]
        if choices:
            listed = ", ".join(f"{HUB_PREFIX}{repo_id}/{name}" for name in choices[:_CHOICES_LISTED])
            more = len(choices) - _CHOICES_LISTED
            raise TableError(
                f"The data set {repo_id} holds {len(choices)} tables, so name one of them: {listed}"
                + (f" and {more} more." if more > 0 else ".")
            )
    raise TableError(f"The data set {repo_id} holds no CSV, TSV, JSON Lines or Parquet file.")
