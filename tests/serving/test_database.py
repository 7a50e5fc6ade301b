import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from finetable.errors import UserError
from finetable.serving.database import VERSION, Database

INSERTING_FOR_EVER = """
import sys
from pathlib import Path
from finetable.serving.database import Database

database = Database(Path(sys.argv[1]))
number = 0
while True:
    with database.transaction():
        database.insert("upload_parts", {"id": f"a{number}", "upload_id": "u", "bytes": 0, "created_at": 0})
        database.insert("upload_parts", {"id": f"b{number}", "upload_id": "u", "bytes": 0, "created_at": 0})
    print(number, flush=True)
    number += 1
"""


def part(name: str) -> dict[str, object]:
    return {"id": name, "upload_id": "u", "bytes": 1, "created_at": 2}


def test_a_database_is_durable_and_keeps_its_version(tmp_path: Path) -> None:
    database = Database(tmp_path / "d")
    assert database.value("PRAGMA journal_mode") == "wal"
    assert database.value("PRAGMA synchronous") == 2
    database.insert("upload_parts", part("p"))
    database.close()
    again = Database(tmp_path / "d")
    assert again.value("PRAGMA user_version") == VERSION
    assert again.rows("SELECT * FROM upload_parts") == [part("p")]
    again.close()


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "d")
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(UserError, match="newer version"):
        Database(tmp_path / "d")


def test_a_transaction_is_whole_or_absent_and_joins_the_one_around_it(tmp_path: Path) -> None:
    database = Database(tmp_path / "d")

    def break_off() -> None:
        with database.transaction():
            with database.transaction():
                database.insert("upload_parts", part("inner"))
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        break_off()
    assert database.rows("SELECT * FROM upload_parts") == []
    with database.transaction():
        database.insert("upload_parts", part("kept"))
    assert [row["id"] for row in database.rows("SELECT id FROM upload_parts")] == ["kept"]
    database.close()


def test_what_was_told_to_be_written_survives_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "d"
    writer = subprocess.Popen(
        [sys.executable, "-c", INSERTING_FOR_EVER, str(file)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(40)]
    writer.kill()
    told += [int(line) for line in writer.stdout.read().split()]
    writer.stdout.close()
    writer.wait()
    database = Database(file)
    names = [row["id"] for row in database.rows("SELECT id FROM upload_parts")]
    database.close()
    assert {f"{letter}{number}" for number in told for letter in "ab"} <= set(names)
    assert len(names) % 2 == 0, "half a transaction"
