"""/v1/finetable/classify and what the server says of a model."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from finetable.verbs import classify

ROWS = [
    {"title": "Film 1", "plot": "a thief hides the money 1"},
    {"title": "Film 2", "plot": None, "year": 1999},
    {"title": 3, "plot": "two sisters hears the dead whisper"},
]


def asked(server: Any, **body: Any) -> httpx2.Response:
    return httpx2.post(f"{server.url}/v1/finetable/classify", json={"model": "labeller", **body})


def test_rows_are_labelled_as_the_verb_labels_them(
    server: Any, folders: tuple[Path, ...], tmp_path: Path
) -> None:
    table = tmp_path / "rows.csv"
    table.write_text(
        "title,plot\nFilm 1,a thief hides the money 1\nFilm 2,\n3,two sisters hears the dead whisper\n",
        encoding="utf-8",
    )
    wanted = classify(folders[2], str(table)).to_pylist()
    answer = asked(server, input=ROWS).json()
    assert answer["object"] == "list"
    for place, (found, row) in enumerate(zip(answer["data"], wanted, strict=True)):
        assert found["index"] == place
        assert found["label"] == row["genre_predicted"]
        assert found["runner_up"] == row["genre_runner_up"]
        assert found["probability"] == pytest.approx(row["genre_probability"], abs=1e-5)
        assert found["probability"] == max(found["probabilities"].values())
        assert sum(found["probabilities"].values()) == pytest.approx(1)
        assert found["probabilities"].keys() == {"crime", "horror", "love"}


def test_what_is_too_improbable_gets_no_label(server: Any) -> None:
    (found,) = asked(server, input=ROWS[:1], abstain_below=1.0).json()["data"]
    assert found["label"] is None
    assert found["probability"] < 1


@pytest.mark.parametrize(
    ("changes", "param", "message"),
    [
        ({"model": "writer", "input": "x"}, "model", "not trained to label"),
        ({"model": "gpt2", "input": "x"}, "model", "not trained to label"),
        ({"input": "x"}, "input", "send rows as objects with title, plot"),
        ({"input": [{"title": "x"}]}, "input", "Row 0 of 'input' has no 'plot'"),
        ({"input": []}, "input", "up to 2,048"),
        ({"input": [{"title": ["x"]}]}, "input", "objects of the given columns"),
        ({"input": [{"title": "x " * 4000, "plot": ""}]}, "input", "maximum context length"),
    ],
)
def test_faults_are_told_in_the_apis_form(
    server: Any, changes: dict[str, Any], param: str, message: str
) -> None:
    answer = asked(server, **changes)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert message in answer.json()["error"]["message"]


def test_a_model_says_how_it_wants_to_be_asked(server: Any) -> None:
    def told(name: str) -> Any:
        return httpx2.get(f"{server.url}/v1/finetable/models/{name}").json()

    labeller = told("labeller")
    assert (labeller["kind"], labeller["given"], labeller["target"]) == ("label", ["title", "plot"], "genre")
    assert labeller["labels"] == ["crime", "horror", "love"]
    writer = told("writer")
    assert (writer["kind"], writer["given"], writer["labels"], writer["form"]) == (
        "write",
        ["genre"],
        [],
        "columns",
    )
    assert writer["most_tokens"] > 1
    assert told("ft:chat")["form"] == "chat"
    assert (told("gpt2")["kind"], told("scratch")["kind"]) == ("base", "base")
    assert told("nobody")["error"]["code"] == "model_not_found"
