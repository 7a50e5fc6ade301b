"""The documents tell the truth: snippets run, file tree and options are the real ones."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SNIPPETS = DOCS / "snippets"
IN_ORDER = [
    "profile.sh",
    "train_writer.sh",
    "generate.sh",
    "generate_given.sh",
    "plain_transformers.py",
    "train_labeller.sh",
    "classify.sh",
    "evaluate.sh",
    "evaluate_table.sh",
    "recipe.sh",
    "report.sh",
    "compare.sh",
    "bench.sh",
    "few_shot_writing.sh",
    "python_api.py",
    "prepare.sh",
    "prepare_accept.sh",
    "prepare_chat.sh",
]
SERVED = ["serve.sh", "openai_client.py", "few_shot.sh", "zero_shot.sh", "jobs.sh"]
BLOCK = re.compile(r"```(?:sh|python|toml)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables that the pages speak of, made small."""
    made = tmp_path_factory.mktemp("docs")
    for name, rows in (("films.csv", 90), ("films_unlabelled.csv", 12)):
        lines = (ROOT / "examples" / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (made / name).write_text("".join(lines[: rows + 1]), encoding="utf-8")
    shutil.copy(SNIPPETS / "recipe.toml", made)
    return made


def run(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a snippet as a person would, with a home of its own; it has to succeed."""
    runner = [sys.executable] if name.endswith(".py") else ["bash", "-e"]
    search = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [*runner, SNIPPETS / name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": search, "HOME": str(folder)},
    )
    assert done.returncode == 0, f"{name}: {done.stderr}"
    return done


def serve_and_ask(folder: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run the snippets that ask a server while it runs."""
    server, *clients = SERVED
    search = f"export PATH={Path(sys.executable).parent}:$PATH"
    running = subprocess.Popen(
        ["bash", "-c", f"{search}; exec {(SNIPPETS / server).read_text(encoding='utf-8')}"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(folder)},
    )
    assert running.stderr is not None
    try:
        told = [running.stderr.readline() for _ in range(3)]
        assert "base_url=http://127.0.0.1:8017/v1" in told[1], told
        return {name: run(name, folder) for name in clients}
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
        running.stderr.close()


def test_snippets_run_in_the_order_of_the_pages(folder: Path) -> None:
    for name in IN_ORDER:
        run(name, folder)
    written = (folder / "new_films.csv").read_text(encoding="utf-8")
    assert written.startswith('"genre","title","synopsis","copied_words"')
    assert (folder / "labelled.csv").read_text(encoding="utf-8").count("\n") >= 13
    done = serve_and_ask(folder)
    assert '"label"' in done["openai_client.py"].stdout
    assert '"genre_predicted"' in (folder / "films_labelled.csv").read_text(encoding="utf-8")
    assert "Label each title and synopsis with its genre. Answer" in done["few_shot.sh"].stderr
    assert re.search(r"with its genre: \w+, \w+", done["zero_shot.sh"].stderr)
    for name in ("few_shot.sh", "zero_shot.sh"):
        assert done[name].stdout.startswith("Too few to tell who is best: 1 test row.")


def test_every_snippet_is_run_and_shown() -> None:
    files = {file.name for file in SNIPPETS.iterdir()}
    assert files == {*IN_ORDER, *SERVED, "recipe.toml"}
    shown = {block for page in DOCS.glob("*.md") for block in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert shown == {file.read_text(encoding="utf-8") for file in SNIPPETS.iterdir()}


def test_options_page_is_made_from_the_settings() -> None:
    made = subprocess.run(
        [sys.executable, DOCS / "make_options.py"], capture_output=True, text=True, check=True
    ).stdout
    assert (DOCS / "options.md").read_text(encoding="utf-8") == made


def test_file_tree_of_the_readme_is_the_real_one() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = readme.split("src/finetable/\n")[1].split("```")[0]
    named = set()
    room = ""
    for line in tree.splitlines():
        name = line.split()[0] if line.split() else ""
        if name.endswith("/"):
            room = name
        elif name.endswith(".py"):
            named.add(f"{room if line.startswith('    ') else ''}{name}")
    source = ROOT / "src" / "finetable"
    real = {str(file.relative_to(source)) for file in source.rglob("*.py") if file.name != "__init__.py"}
    assert named == real


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
