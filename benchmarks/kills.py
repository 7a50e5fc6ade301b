"""Kill the server and its training at random instants, and see that nothing acknowledged is lost or doubled.

    python benchmarks/kills.py TABLE.jsonl --kills 50

A job is trained once unbroken. Then the same job is trained while server, worker and training are killed in
turn and files are uploaded all the time; whatever was acknowledged must be there, once, and the weights must
be those of the unbroken run.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from openai import APIConnectionError, APIStatusError, OpenAI

ENDED = ("succeeded", "failed", "cancelled")
FAULTS = (APIConnectionError, APIStatusError)
LONGEST_SECONDS = 3600.0


class Server:
    """A real server process that can be killed and started again on the same port and home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> OpenAI:
        """Start it; a client once it answers."""
        command = [sys.executable, "-m", "finetable", "serve", "--home", str(self.home)]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)], stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "base_url=" in line:
                address = line.split("base_url=")[1].split(",")[0]
                self.port = int(address.split(":")[2].split("/")[0])
                break
        else:
            raise SystemExit("the server did not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        client = OpenAI(base_url=address, api_key="any", max_retries=0, timeout=30)
        while True:
            try:
                client.models.list()
                return client
            except FAULTS:
                time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def processes_of_training(self) -> dict[str, int]:
        """The worker and the training of the newest job, by their command lines."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    words = (folder / "cmdline").read_bytes().decode().split("\0")
                except OSError:
                    continue
                if str(self.home) in " ".join(words) and "serve" not in words:
                    kind = "worker" if "finetable.serving.worker" in words else "training"
                    found[kind] = int(folder.name)
        return found


class Uploader(threading.Thread):
    """Uploads small files all the time and remembers what was acknowledged."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.acknowledged: dict[str, str] = {}
        self.ending = threading.Event()
        self._server = server
        self._random = random.Random(7)

    def run(self) -> None:
        """Upload until told to end."""
        number = 0
        while not self.ending.wait(0.2):
            number += 1
            content = b'{"prompt": "%d", "completion": "x"}\n' % number * self._random.randint(1, 4000)
            client = OpenAI(
                base_url=f"http://127.0.0.1:{self._server.port}/v1", api_key="any", max_retries=0, timeout=30
            )
            try:
                file = client.files.create(file=(f"{number}.jsonl", content), purpose="fine-tune")
            except FAULTS:
                continue
            self.acknowledged[file.id] = hashlib.sha256(content).hexdigest()


def create(client: OpenAI, table: Path, epochs: int) -> str:
    """Begin the job that is to be killed."""
    file = client.files.create(file=table, purpose="fine-tune")
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": epochs}}}
    job = client.fine_tuning.jobs.create(
        model="scratch",
        training_file=file.id,
        seed=5,
        method=method,  # type: ignore[arg-type]
    )
    return job.id


def weights(home: Path, job_id: str) -> str:
    """SHA-256 of the model that a job made."""
    return hashlib.sha256((home / "jobs" / job_id / "model" / "model.safetensors").read_bytes()).hexdigest()


def finish(client: OpenAI, job_id: str) -> str:
    """Wait for the end of a job; its status."""
    ends = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < ends:
        status = client.fine_tuning.jobs.retrieve(job_id).status
        if status in ENDED:
            return status
        time.sleep(0.5)
    return "too late"


def events(client: OpenAI, job_id: str) -> list[tuple[str, str]]:
    """Every event of a job: id and message."""
    return [(event.id, event.message) for event in client.fine_tuning.jobs.list_events(job_id, limit=10_000)]


def check(client: OpenAI, uploader: Uploader, job_id: str, known: set[tuple[str, str]]) -> list[str]:
    """What is wrong: lost or doubled files, jobs or events."""
    wrong = []
    acknowledged = dict(uploader.acknowledged)
    listed = Counter(file.id for file in client.files.list())
    wrong += [f"file {name} is listed {listed[name]} times" for name in acknowledged if listed[name] != 1]
    for name in random.sample(sorted(acknowledged), min(5, len(acknowledged))):
        if hashlib.sha256(client.files.content(name).content).hexdigest() != acknowledged[name]:
            wrong.append(f"file {name} has another content")
    if [job.id for job in client.fine_tuning.jobs.list()] != [job_id]:
        wrong.append("the job is not there once")
    now = events(client, job_id)
    wrong += [f"event lost: {event}" for event in known - set(now)]
    messages = Counter(message for _, message in now if not message.startswith("The job was"))
    wrong += [f"event told {count} times: {message}" for message, count in messages.items() if count > 1]
    known |= set(now)
    return wrong


def strike(server: Server, client: OpenAI, target: str) -> OpenAI:
    """Kill one of the three; the client of a server that lives."""
    if target == "server":
        server.kill()
        return server.start()
    number = server.processes_of_training().get(target)
    if number is not None:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    return client


def train_unbroken(home: Path, table: Path, epochs: int) -> str:
    """SHA-256 of the weights of a job that nothing disturbs."""
    server = Server(home)
    client = server.start()
    begun = time.monotonic()
    job_id = create(client, table, epochs)
    status = finish(client, job_id)
    print(f"unbroken: {status} in {time.monotonic() - begun:.0f} s, {len(events(client, job_id))} events")
    server.kill()
    return weights(home, job_id)


def train_broken(home: Path, asked: argparse.Namespace, expected: str) -> bool:
    """Whether a job that is killed again and again ends in the expected weights, and nothing is lost."""
    server, chance, struck = Server(home), random.Random(11), Counter[str]()
    client = server.start()
    uploader = Uploader(server)
    job_id = create(client, asked.table, asked.epochs)
    uploader.start()
    known: set[tuple[str, str]] = set()
    wrong: list[str] = []
    while struck.total() < asked.kills and client.fine_tuning.jobs.retrieve(job_id).status not in ENDED:
        time.sleep(chance.uniform(0, asked.longest_pause))
        target = chance.choice(["server", "training", "worker"])
        struck[target] += 1
        client = strike(server, client, target)
        wrong += check(client, uploader, job_id, known)
    print(f"killed: {dict(struck)}; {len(uploader.acknowledged)} files acknowledged meanwhile")
    status = finish(client, job_id)
    uploader.ending.set()
    uploader.join()
    wrong += check(client, uploader, job_id, known)
    same = status == "succeeded" and weights(home, job_id) == expected
    server.kill()
    print(f"the job has {status}; {len(known)} events; weights {'the same' if same else 'DIFFER'}")
    print(f"{len(wrong)} faults" + "".join(f"\n  {fault}" for fault in wrong[:20]))
    return same and not wrong


def main() -> None:
    """Train unbroken, train broken, compare."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("table", type=Path)
    words.add_argument("--kills", type=int, default=50)
    words.add_argument("--epochs", type=int, default=3)
    words.add_argument("--longest-pause", type=float, default=20.0)
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        expected = train_unbroken(Path(folder) / "unbroken", asked.table, asked.epochs)
        sys.exit(not train_broken(Path(folder) / "killed", asked, expected))


if __name__ == "__main__":
    main()
