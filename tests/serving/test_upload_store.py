import hashlib
import io
import time

import pytest

from finetable.serving import upload_store
from finetable.serving.api_errors import ApiError
from finetable.serving.file_store import Incoming
from finetable.serving.upload_store import UploadStore

from .conftest import Stores

CONTENT = b'{"prompt": "a", "completion": "b"}\n'
INCOMING = Incoming("big.jsonl", "fine-tune")


def begun(stores: Stores, size: int = len(CONTENT)) -> str:
    return str(stores.uploads.create(size, "text/jsonl", INCOMING)["id"])


def test_parts_in_the_order_named_become_the_file(stores: Stores) -> None:
    upload = begun(stores)
    second = stores.uploads.add_part(upload, io.BytesIO(CONTENT[10:]))["id"]
    first = stores.uploads.add_part(upload, io.BytesIO(CONTENT[:10]))["id"]
    ended, file = stores.uploads.complete(upload, [first, second], hashlib.md5(CONTENT).hexdigest())
    assert ended["status"] == "completed"
    assert stores.files.path(file["id"]).read_bytes() == CONTENT
    assert list((stores.home / "parts").iterdir()) == []


def test_an_upload_that_does_not_add_up_stays_open(stores: Stores) -> None:
    upload = begun(stores)
    part = stores.uploads.add_part(upload, io.BytesIO(CONTENT[:-1]))["id"]
    for part_ids, message in (
        ([part], "were declared"),
        ([part, part], "named twice"),
        (["part_other"], "no such part"),
    ):
        with pytest.raises(ApiError, match=message):
            stores.uploads.complete(upload, part_ids, None)
    rest = stores.uploads.add_part(upload, io.BytesIO(CONTENT[-1:]))["id"]
    with pytest.raises(ApiError, match="MD5"):
        stores.uploads.complete(upload, [part, rest], "0" * 32)
    stores.uploads.complete(upload, [part, rest], None)
    assert len(stores.database.rows("SELECT * FROM files")) == 1


def test_more_than_was_declared_is_refused(stores: Stores) -> None:
    upload = begun(stores, 3)
    with pytest.raises(ApiError, match="more than the 3 bytes"):
        stores.uploads.add_part(upload, io.BytesIO(b"four"))
    assert list((stores.home / "parts").iterdir()) == []


def test_a_part_and_an_upload_have_their_limits(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_store, "MOST_PART_BYTES", 4)
    upload = begun(stores)
    with pytest.raises(ApiError) as caught:
        stores.uploads.add_part(upload, io.BytesIO(b"fives"))
    assert caught.value.status == 413
    with pytest.raises(ApiError, match="8 GB"):
        begun(stores, 8 * 2**30 + 1)


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_an_ended_upload_takes_nothing_more(stores: Stores, end: str) -> None:
    upload = begun(stores)
    part = stores.uploads.add_part(upload, io.BytesIO(CONTENT))["id"]
    if end == "cancel":
        assert stores.uploads.cancel(upload)["status"] == "cancelled"
    else:
        stores.database.change("UPDATE uploads SET expires_at = ?", [int(time.time()) - 1])
    for act in (
        lambda: stores.uploads.add_part(upload, io.BytesIO(b"x")),
        lambda: stores.uploads.complete(upload, [part], None),
        lambda: stores.uploads.cancel(upload),
    ):
        with pytest.raises(ApiError, match=r"is cancelled|is expired"):
            act()
    assert stores.database.rows("SELECT * FROM upload_parts") == []


def test_an_open_upload_survives_a_restart(stores: Stores) -> None:
    upload = begun(stores)
    part = stores.uploads.add_part(upload, io.BytesIO(CONTENT))["id"]
    again = UploadStore(stores.database, stores.files, stores.home)
    assert again.complete(upload, [part], None)[0]["status"] == "completed"


def test_an_unknown_upload_is_not_found(stores: Stores) -> None:
    with pytest.raises(ApiError, match="No such Upload object: upload_x"):
        stores.uploads.find("upload_x")
