"""Contestants on a real table: one split for all, which no model has learnt from."""

import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from finetable.bench_settings import BenchSettings
from finetable.errors import ModelFolderError, RecipeError, TableError
from finetable.evaluation.evaluate import written_freely
from finetable.model_folder import ModelFolder
from finetable.progress import Silent
from finetable.tasks.task import prompts
from finetable.verbs import bench, train
from finetable.workflow.bench_rows import bench_rows
from finetable.workflow.opened import open_model
from finetable.workflow.training_texts import training_index

JOB: dict[str, Any] = {"label": "genre", "given": "title,plot"}
WriteFilms = Callable[[Path, int], Path]


def test_a_model_has_the_figures_that_evaluate_gives_it(films: Path, labeller: Path) -> None:
    found = bench(films, contestant=("majority", "tfidf", f"model:{labeller}"), **JOB)
    figures = ModelFolder(labeller).read_record().figures
    majority, tfidf, model = found["contestants"]
    assert found["rows"] == figures["rows"]
    for of, expected in (
        (model, figures),
        (tfidf, figures["baselines"]["tfidf"]),
        (majority, figures["baselines"]["majority"]),
    ):
        assert of["accuracy"] == pytest.approx(expected["accuracy"])
        assert of["low"] == pytest.approx(expected["accuracy_low"])
        assert of["macro_f1"] == pytest.approx(expected["macro_f1"])
        assert of["rows_per_second"] > 0
        assert of["cost_per_1000_rows"] == 0
    assert model["calibration_error"] == pytest.approx(figures["calibration_error"])
    beside = figures["beside"]["tfidf"]
    assert beside["difference"] == pytest.approx(model["accuracy"] - tfidf["accuracy"])
    assert beside["difference_low"] <= beside["difference"] <= beside["difference_high"]
    assert [of["kind"] for of in found["contestants"]] == ["baseline", "baseline", "fine-tuned"]


def test_the_split_is_that_of_a_folder_or_the_one_that_train_makes(films: Path, labeller: Path) -> None:
    frozen = ModelFolder(labeller).read_rows()
    for folders in ([labeller], []):
        rows = bench_rows(str(films), BenchSettings.of(**JOB), folders, Silent())
        assert rows.test.row_ids.tolist() == frozen.of("test").row_ids.tolist()
        assert rows.train.row_ids.tolist() == frozen.of("train").row_ids.tolist()


def test_rows_that_a_model_learnt_from_are_left_out_for_all(
    write_films: WriteFilms, labeller: Path, recipes: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    other = write_films(tmp_path / "more.csv", 400)  # its first 150 rows are those the labeller learnt from
    train(other, out=tmp_path / "second", **{**recipes["label"], "epochs": 0.2})
    both = [tmp_path / "second", labeller]
    rows = bench_rows(str(other), BenchSettings.of(**JOB), both, Silent())
    own = ModelFolder(tmp_path / "second").read_rows().of("test")
    learnt = np.concatenate(
        [ModelFolder(labeller).read_rows().of(s).row_ids for s in ("train", "validation")]
    )
    expected = [row for row in own.row_ids.tolist() if row not in set(learnt.tolist())]
    assert rows.test.row_ids.tolist() == expected
    assert len(expected) < len(own)


def test_fewer_rows_are_drawn_by_the_seed(films: Path) -> None:
    def drawn(seed: int) -> list[int]:
        settings = BenchSettings.of(rows=5, seed=seed, **JOB)
        return list(map(int, bench_rows(str(films), settings, [], Silent()).test.row_ids))

    assert len(drawn(0)) == 5
    assert drawn(0) == drawn(0) != drawn(1)


def test_a_page_is_written_once(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "bench.html"
    bench(films, out=out, contestant=("majority", "tfidf"), **JOB)
    assert "Contestants" in out.read_text(encoding="utf-8")
    with pytest.raises(RecipeError, match="exists already"):
        bench(films, out=out, contestant=("majority",), **JOB)


def test_who_cannot_take_part_is_told_before_any_work(films: Path, writer: Path, tmp_path: Path) -> None:
    def refused(*contestants: str) -> str:
        with pytest.raises((RecipeError, ModelFolderError)) as caught:
            bench(films, contestant=contestants, **JOB)
        return str(caught.value)

    assert "at least one --contestant" in refused()
    assert "Did you mean tfidf?" in refused("tf-idf")
    assert "named twice" in refused("tfidf", "tfidf")
    assert "does not exist" in refused(f"model:{tmp_path / 'nothing'}")
    assert "not to label" in refused(f"model:{writer}")


def test_a_model_of_other_labels_is_refused(write_films: WriteFilms, labeller: Path, tmp_path: Path) -> None:
    table = write_films(tmp_path / "films.csv", 120)
    table.write_text(table.read_text(encoding="utf-8").replace(",crime,", ",Crime,"), encoding="utf-8")
    with pytest.raises(RecipeError, match="train a model on this table"):
        bench(table, contestant=(f"model:{labeller}",), **JOB)


def test_no_row_left_is_an_error(films: Path, labeller: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    shutil.copy(films, copy)
    with copy.open("a", encoding="utf-8") as file:
        file.write("\n")  # other bytes, so the split is made anew, with the rows in the same places
    settings = BenchSettings.of(seed=1, **JOB)
    frozen = ModelFolder(labeller).read_rows()
    learnt = set(frozen.of("train").row_ids.tolist()) | set(frozen.of("validation").row_ids.tolist())
    left = bench_rows(str(copy), settings, [labeller], Silent()).test.row_ids.tolist()
    assert left
    assert not learnt & set(left)
    only = copy.read_text(encoding="utf-8").splitlines()
    kept = [only[0], *(only[1 + row] for row in sorted(learnt)[:60])]
    copy.write_text("\n".join(kept) + "\n", encoding="utf-8")
    with pytest.raises(TableError, match="none of the models learnt from"):
        bench_rows(str(copy), settings, [labeller], Silent())


def test_a_writer_has_the_figures_that_evaluate_gives_it(films: Path, writer: Path) -> None:
    found = bench(films, write="plot", given="genre", contestant=(f"model:{writer}",))
    (model,), figures = found["contestants"], ModelFolder(writer).read_record().figures
    assert found["baselines"]["xz"] == figures["baselines"]["xz"]
    for key in ("bits_per_byte", "bits_per_byte_low", "copied_words_median", "copied_share_real", "copying"):
        assert model[key] == pytest.approx(figures[key])
    assert 0 < model["distinct_2"] <= 1
    with pytest.raises(RecipeError, match="does not write"):
        bench(films, write="plot", given="genre", contestant=("tfidf",))


def test_a_writer_copies_where_it_copies_from_rows_of_its_own_table(writer: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    lines = [f"{('crime', 'love', 'horror')[n % 3]},quux {n} frobs zorp {n * 7}" for n in range(60)]
    other.write_text("\n".join(["genre,plot", *lines]) + "\n", encoding="utf-8")
    (found,) = bench(other, write="plot", given="genre", contestant=(f"model:{writer}",))["contestants"]
    model = open_model(writer)
    index = training_index(model.task, model.folder, model.folder.read_rows())
    assert index is not None
    genres = bench_rows(str(other), BenchSettings(task=model.task.settings), [], Silent()).test
    texts = written_freely(model.engine(), list(prompts(model.task, genres)), 64)
    copied = [copy.words for copy in index.look_up(texts)]
    assert found["copied_words_median"] == median(copied)
    assert median(copied) > 0


class Told(Silent):
    """Keeps what a person would read."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_a_prompted_model_takes_part_and_its_prompt_is_shown(films: Path, labeller: Path) -> None:
    told = Told()
    name = f"fewshot:{labeller}@k=2,pick=nearest"
    found = bench(films, contestant=("majority", name), rows=4, show=1, progress=told, **JOB)
    prompted = found["contestants"][1]
    assert prompted["name"] == name
    assert prompted["kind"] == "prompted"
    assert prompted["calibration_error"] is not None
    assert prompted["cost_per_1000_rows"] == 0
    shown = told.lines[told.lines.index(f"{name} is asked:") + 1 :]
    shown = [line.removeprefix("  | ") for line in shown if line.startswith("  | ")]
    assert shown[0].startswith("Label each title and plot with its genre: crime, horror or love.")
    assert sum(line.startswith("genre:") for line in shown) == 3
    assert shown[-1] == "genre:"
    rows = bench_rows(str(films), BenchSettings.of(rows=4, **JOB), [], Silent())
    titles = [line.removeprefix("title: ") for line in shown if line.startswith("title: ")]
    assert titles[-1] == rows.test.texts("title")[0].as_py()
    assert set(titles[:-1]) <= set(rows.train.texts("title").to_pylist())


def test_a_prompted_writer_takes_part_and_its_prompt_is_shown(films: Path, writer: Path) -> None:
    told = Told()
    name = f"fewshot:{writer}@k=2"
    contestants = (f"model:{writer}", name)
    job: dict[str, Any] = {"write": "plot", "given": "genre"}
    found = bench(films, contestant=contestants, rows=4, show=1, progress=told, **job)
    for of in found["contestants"]:
        assert 0 < of["bits_per_byte_low"] <= of["bits_per_byte"] <= of["bits_per_byte_high"] < np.inf
        assert of["written_rows"] == 100
    prompted = found["contestants"][1]
    assert (prompted["name"], prompted["kind"], prompted["cost_per_1000_rows"]) == (name, "prompted", 0)
    shown = [line.removeprefix("  | ") for line in told.lines if line.startswith("  | ")]
    assert shown[0] == "Write a plot for each genre."
    assert shown[-1] == "plot:"
    plots = [line.removeprefix("plot: ") for line in shown if line.startswith("plot: ")]
    rows = bench_rows(str(films), BenchSettings.of(rows=4, **job), [writer], Silent())
    assert len(plots) == 2
    assert set(plots) <= set(rows.train.texts("plot").to_pylist())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("k=2,url=http://127.0.0.1:1/v1", "on this machine only"),
        ("k=2,pick=balanced", "pick=balanced is for labels"),
        ("k=2,labels=no", "nothing is labelled"),
        ("k=2,pick=nearest", "something to be near to"),
    ],
)
def test_what_a_prompted_writer_cannot_do_is_told_before_any_work(films: Path, words: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        bench(films, write="plot", contestant=(f"fewshot:nowhere@{words}",))


def test_a_word_that_few_shot_does_not_know_is_told_before_any_work(films: Path) -> None:
    with pytest.raises(RecipeError, match="Did you mean pick"):
        bench(films, contestant=("fewshot:distilgpt2@k=2,pic=nearest",), **JOB)
