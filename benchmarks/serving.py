"""How much faster a server writes for many clients than for one, whether it mixes them up, and its memory.

    python benchmarks/serving.py                            # trains a tiny model first
    python benchmarks/serving.py films --clients 64 --requests 10000

Every client streams a text with a prompt and a seed of its own; it must be the text that the same request
gets when nobody else asks. Then short requests follow each other, and the memory of the server
after the first thousand is held against that after the last.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

WARM_UP = 1000
AT_ONCE = 32
SHORT_TOKENS = 4
ROUNDS = 3


@dataclass(frozen=True)
class Text:
    """What a client got, and the seconds until it began and until it ended."""

    text: str
    tokens: int
    first: float
    whole: float


@dataclass(frozen=True)
class Server:
    """A running server, and the model that it is asked for."""

    process: subprocess.Popen[str]
    port: int
    model: str

    def memory(self) -> float:
        """Resident memory in MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("the system does not tell the memory of a process")


def start(folder: Path, home: Path) -> Server:
    words = [sys.executable, "-m", "finetable", "serve", str(folder), "--home", str(home), "--port", "0"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "base_url=" in line:
            port = int(line.split("base_url=")[1].split("/v1")[0].rsplit(":", 1)[1])
            log = (home.parent / "log").open("w", encoding="utf-8")
            subprocess.Popen(["cat"], stdin=process.stderr, stdout=log)
            return Server(process, port, folder.resolve().name)
    raise RuntimeError("the server did not start")


def request(server: Server, number: int, tokens: int, stream: bool) -> bytes:
    prompt = f"The house of number {number}"
    asked = {"model": server.model, "prompt": prompt, "max_tokens": tokens, "seed": number}
    if stream:
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    body = json.dumps(asked).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    kept = "close" if stream else "keep-alive"
    return f"{head}Content-Type: application/json\r\nConnection: {kept}\r\n\r\n".encode() + body


async def streamed(server: Server, number: int, tokens: int) -> Text:
    """One text; what came is read only after its end, so that the clients cost little."""
    begun = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request(server, number, tokens, stream=True))
    got, first = b"", 0.0
    while piece := await reader.read(65536):
        got += piece
        if not first and b"data:" in got:
            first = time.perf_counter() - begun
    whole = time.perf_counter() - begun
    writer.close()
    lines = [line.split(b"data: ", 1)[1] for line in got.split(b"\n") if b"data: " in line]
    if lines[-1:] != [b"[DONE]"]:
        raise RuntimeError(f"a stream broke off: {got[-500:]!r}")
    parts = [json.loads(line) for line in lines[:-1]]
    text = "".join(choice["text"] for part in parts for choice in part["choices"])
    return Text(text, parts[-1]["usage"]["completion_tokens"], first, whole)


async def each_alone(server: Server, clients: int, tokens: int) -> tuple[float, list[Text]]:
    begun = time.perf_counter()
    texts = [await streamed(server, number, tokens) for number in range(clients)]
    return sum(text.tokens for text in texts) / (time.perf_counter() - begun), texts


async def all_together(server: Server, clients: int, tokens: int) -> tuple[float, list[Text]]:
    begun = time.perf_counter()
    texts = await asyncio.gather(*(streamed(server, number, tokens) for number in range(clients)))
    return sum(text.tokens for text in texts) / (time.perf_counter() - begun), texts


async def speed(server: Server, clients: int, tokens: int) -> None:
    await all_together(server, clients, tokens)
    rounds = [
        (await each_alone(server, clients, tokens), await all_together(server, clients, tokens))
        for _ in range(ROUNDS)
    ]
    expected = [text.text for text in rounds[0][0][1]]
    differing = mixed = 0
    for _, (_, texts) in rounds:
        for place, text in enumerate(texts):
            differing += text.text != expected[place]
            mixed += text.text != expected[place] and text.text in expected
    for name, place in (("1", 0), (str(clients), 1)):
        best, texts = max((pair[place] for pair in rounds), key=lambda found: found[0])
        first = statistics.median(text.first for text in texts) * 1000
        print(f"{name:>4} at once: {best:8.0f} tokens/s, first text after {first:6.0f} ms (median)")
    one, many = (max(pair[place][0] for pair in rounds) for place in (0, 1))
    print(f"together {many / one:.1f} times as fast as one")
    different = len(set(expected))
    print(f"{ROUNDS * clients} texts in company ({different} different): {differing} unlike those alone,")
    print(f"{mixed} of them a text of another client")


async def memory(server: Server, clients: int, requests: int) -> None:
    left = iter(range(requests))
    sizes: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for number in left:
            writer.write(request(server, number % clients, SHORT_TOKENS, stream=False))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
            if (number + 1) % WARM_UP == 0:
                sizes.append(server.memory())
                print(f"{number + 1:>7,} requests: {sizes[-1]:7.1f} MB", flush=True)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    rate = requests / (time.perf_counter() - begun)
    grown = sizes[-1] - sizes[0]
    print(f"{rate:.0f} requests a second; memory grew by {grown:.1f} MB after the first {WARM_UP:,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--requests", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = arguments.folder or Path(work) / "writer"
        if arguments.folder is None:
            words = [
                "examples/films.csv",
                "--write",
                "synopsis",
                "--given",
                "title",
                "--base",
                "scratch",
                "--size",
                "tiny",
            ]
            subprocess.run(
                [sys.executable, "-m", "finetable", "train", *words, "--out", str(folder)], check=True
            )
        server = start(folder, Path(work) / "home")
        try:
            asyncio.run(speed(server, arguments.clients, arguments.tokens))
            if arguments.requests:
                asyncio.run(memory(server, arguments.clients, arguments.requests))
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()
