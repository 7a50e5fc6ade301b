import errno
import sqlite3
from pathlib import Path

import pytest

from finetable.errors import UserError
from finetable.serving.faults import is_full
from finetable.serving.state import open_serving
from finetable.verb_settings import ServeSettings


def test_a_home_has_one_server_at_a_time(tmp_path: Path) -> None:
    settings = ServeSettings(home=tmp_path / "home")
    first = open_serving(settings, ())
    with pytest.raises(UserError, match=r"Another server is running with .*choose another --home"):
        open_serving(settings, ())
    first.close()
    open_serving(settings, ()).close()


def test_a_full_disk_is_told_from_other_faults() -> None:
    assert is_full(OSError(errno.ENOSPC, "No space left on device"))
    assert not is_full(OSError(errno.EACCES, "Permission denied"))
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("CREATE TABLE a (b)")
    connection.close()
    assert is_full(caught.value)
