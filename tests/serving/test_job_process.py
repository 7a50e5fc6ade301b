import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from finetable.exit_codes import INTERRUPTED
from finetable.model_folder import ModelFolder
from finetable.serving.job_process import JobProcess
from finetable.serving.worker import COMMAND, ENDED, LOCK

ASLEEP = """
import fcntl, os, sys
lock = open(sys.argv[1], "a+")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.truncate(0)
lock.write(str(os.getpid()))
lock.flush()
print("ready", flush=True)
sys.stdin.read()
"""


def until_ended(process: JobProcess) -> None:
    worker = process._worker
    assert worker is not None
    worker.wait(60)
    assert not process.is_under_way()


def test_how_a_command_ended_is_on_the_disk(tmp_path: Path) -> None:
    process = JobProcess(tmp_path)
    assert process.exit_code() is None
    process.start(["train", str(tmp_path / "missing.csv"), "--out", str(tmp_path / "m"), "--write", "a"])
    until_ended(process)
    assert JobProcess(tmp_path).exit_code() == 1
    assert "missing.csv" in JobProcess(tmp_path).last_words()
    assert json.loads((tmp_path / COMMAND).read_text(encoding="utf-8"))["words"][0] == "train"


def test_a_new_start_forgets_the_last_end(tmp_path: Path) -> None:
    (tmp_path / ENDED).write_text('{"code": 1}', encoding="utf-8")
    process = JobProcess(tmp_path)
    process.start(["--version"])
    until_ended(process)
    assert process.exit_code() == 0


def test_a_job_asked_to_stop_before_it_has_begun_saves_a_step_first(tmp_path: Path) -> None:
    table, model = tmp_path / "table.csv", tmp_path / "model"
    rows = [f"number {n},The {('red', 'blue', 'green')[n % 3]} house has {n} rooms." for n in range(40)]
    table.write_text("\n".join(["p,c", *rows]), encoding="utf-8")
    process = JobProcess(tmp_path)
    words = "--given p --write c --base scratch --size tiny --epochs 2 --batch-rows 4"
    process.start(["train", str(table), *words.split(), "--out", str(model)])
    while not ((tmp_path / LOCK).exists() and (tmp_path / LOCK).read_text(encoding="utf-8")):
        assert process.is_under_way()
    process.ask_to_stop()
    until_ended(process)
    assert process.exit_code() == INTERRUPTED
    assert ModelFolder(model).checkpoints.is_dir()
    process.forget_end()
    assert process.exit_code() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_process_of_an_earlier_server_is_seen_and_signalled(tmp_path: Path, number: signal.Signals) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", ASLEEP, str(tmp_path / LOCK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == b"ready\n"
    process = JobProcess(tmp_path)
    assert process.is_under_way()
    process.kill() if number == signal.SIGKILL else process.ask_to_stop()
    assert holder.wait(30) == -number
    assert not process.is_under_way()
    for stream in (holder.stdin, holder.stdout):
        stream.close()


def test_a_number_left_by_a_dead_process_is_never_signalled(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(str(os.getpid()), encoding="utf-8")
    process = JobProcess(tmp_path)
    assert not process.is_under_way()
    process.kill()
