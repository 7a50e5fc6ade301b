import csv
import importlib.util
import random
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

EXAMPLES = Path(__file__).parents[1] / "examples"
TABLES = ["films.csv", "films_unlabelled.csv"]


def load_script() -> ModuleType:
    """Import examples/make_films.py, which is a script and no package."""
    spec = importlib.util.spec_from_file_location("make_films", EXAMPLES / "make_films.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_films = load_script()
GRAMMAR = make_films.read_grammar()


def read_rows(name: str) -> list[dict[str, str]]:
    with (EXAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


FILMS = read_rows("films.csv")
SYNOPSES = [film["synopsis"] for film in FILMS]
LABELLED = [film for film in FILMS if film["genre"]]


def plain(text: str) -> str:
    """A text without the differences that a near copy has."""
    return " ".join(text.casefold().split())


CLEAN_SYNOPSES = sorted(
    {text for text in SYNOPSES if text.strip() and text == " ".join(text.split()) and not text.isupper()}
)


def test_the_script_writes_the_committed_bytes(tmp_path: Path) -> None:
    make_films.write_films(tmp_path)
    for name in TABLES:
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes()


def test_the_files_are_utf8_with_line_feeds() -> None:
    for name in TABLES:
        content = (EXAMPLES / name).read_bytes()
        assert content.decode("utf-8").startswith("title,year,genre,synopsis\n")
        assert b"\r" not in content


def test_another_seed_makes_another_catalogue() -> None:
    synopses = {film.synopsis for film in make_films.make_films(seed=21)[0] if film.synopsis.strip()}
    assert len(synopses & set(SYNOPSES)) < 20


def test_genres_are_as_many_as_promised() -> None:
    films, unlabelled = make_films.make_films()
    truth = Counter(film.genre for film in films)
    assert truth == GRAMMAR.films
    assert (len(truth), sum(truth.values())) == (8, 2000)
    assert (max(truth.values()), min(truth.values())) == (480, 100)
    assert [film.genre for row, film in enumerate(films) if row not in unlabelled] == [
        film["genre"] for film in LABELLED
    ]


def test_unlabelled_rows_stand_in_both_files_and_are_spread_over_the_first() -> None:
    rows = [number for number, film in enumerate(FILMS) if not film["genre"]]
    assert len(rows) == 200
    assert read_rows("films_unlabelled.csv") == [FILMS[number] for number in rows]
    assert min(Counter(number // 500 for number in rows).values()) > 30


def test_copies_are_as_many_as_promised() -> None:
    filled = [film for film in FILMS if film["synopsis"].strip()]
    genres_of: dict[str, set[str]] = {}
    for film in filled:
        genres_of.setdefault(film["synopsis"], set()).add(film["genre"])
    assert len(filled) - len(genres_of) == 12 + 1
    assert [len(genres) for genres in genres_of.values() if len(genres) > 1] == [2]
    assert len(genres_of) - len({plain(text) for text in genres_of}) == 6


def test_copies_agree_in_title_and_lie_in_labelled_rows() -> None:
    films_of: dict[str, list[dict[str, str]]] = {}
    for film in FILMS:
        films_of.setdefault(plain(film["synopsis"]), []).append(film)
    repeated = [films for text, films in films_of.items() if text and len(films) > 1]
    assert len(repeated) == 12 + 1 + 6
    for films in repeated:
        assert len({film["title"] for film in films}) == 1
        assert all(film["genre"] for film in films)


def test_other_dirt_is_as_much_as_promised() -> None:
    assert sum(not text.strip() for text in SYNOPSES) == 8
    assert sum(text.isspace() for text in SYNOPSES) == 2
    assert sum("\n" in text for text in SYNOPSES) == 10
    assert sum(not text.isascii() for text in SYNOPSES) == 108
    assert sum('"' in text for text in SYNOPSES) == 45
    assert all(letter in "".join(SYNOPSES).casefold() for letter in "éñøž")


def test_the_docstring_tells_the_same_counts() -> None:
    _, promised = (make_films.__doc__ or "").split("there are:")
    counts = [int(number) for number in re.findall(r"\b\d+\b", promised)]
    assert counts == [12, 6, 1, 8, 10, 108, 45]


def test_synopses_have_15_to_45_words() -> None:
    lengths = [len(text.split()) for text in SYNOPSES if text.strip()]
    assert min(lengths) >= 15
    assert max(lengths) <= 45


@pytest.mark.parametrize(
    "slip",
    [
        r"\b[Aa] (?!used|union)[aeiouAEIOU]",
        r"\b[Aa]n ([^aeiouAEIOUh]|used|union)",
        r"\b(\w+) \1\b",
        r" [,.]|,,|,\.|\.\.",
        r"[{}|]",
        r"[.?!] [a-z]",
        r"^[^A-ZŽÀ-Ý]",
        r"[^.?!]$",
    ],
)
def test_no_synopsis_has_the_slip(slip: str) -> None:
    assert not [text for text in CLEAN_SYNOPSES if re.search(slip, text)]


@pytest.mark.parametrize(
    ("raw", "right"),
    [
        ("a old friend, a nurse,. a lie", "An old friend, a nurse. A lie"),
        ("a union boss, a used car and a uncle", "A union boss, a used car and an uncle"),
        ("for Ana, a vet,, everything ends. žana stays", "For Ana, a vet, everything ends. Žana stays"),
    ],
)
def test_sentences_are_put_right(raw: str, right: str) -> None:
    assert make_films.as_sentences(raw) == right


@pytest.mark.parametrize(
    ("raw", "right"),
    [
        ("The beekeeper of Porto", "The Beekeeper of Porto"),
        ("a engineer in the dome", "An Engineer in the Dome"),
        ("O'Brien and the žana", "O'Brien and the Žana"),
    ],
)
def test_titles_are_capitalised(raw: str, right: str) -> None:
    assert make_films.as_title(raw) == right


@pytest.mark.parametrize("number", range(len(GRAMMAR.stories)))
def test_every_phrase_of_a_story_can_be_filled_in(number: int) -> None:
    story = GRAMMAR.stories[number]
    assert set(story.weights) <= set(GRAMMAR.films)
    phrases = [phrase for words in story.words.values() for phrase in words] + story.titles
    phrases += [phrase for words in GRAMMAR.close.values() for phrase in words]
    for seed in range(5):
        telling = make_films.Telling(GRAMMAR.words | story.words, random.Random(seed))
        telling.chosen |= make_films.hero(telling.rng)
        for phrase in phrases:
            assert not re.search(r"[{}|]", telling.fill(phrase))


def test_a_choice_is_kept_within_one_film() -> None:
    telling = make_films.Telling({"town": ["Porto", "Osaka"], "place": ["in {town}"]}, random.Random(1))
    assert len({telling.fill("{place}") for _ in range(20)} | {f"in {telling.fill('{town}')}"}) == 1


def odds_of_genres(film: Any) -> dict[str, float]:
    """P(genre | story, last sentence), by Bayes' rule from the odds that made the film."""
    story = GRAMMAR.stories[film.story]
    odds = {}
    for genre, weight in story.weights.items():
        told = sum(other.weights.get(genre, 0) for other in GRAMMAR.stories)
        odds[genre] = GRAMMAR.films[genre] * weight / told
        if film.close not in ("", "any"):
            own = make_films.CLOSE_ODDS["own"] * (film.close == genre)
            odds[genre] *= own + make_films.CLOSE_ODDS["shared"] / len(story.weights)
    total = sum(odds.values())
    return {genre: share / total for genre, share in odds.items()}


def test_a_reader_who_knows_all_odds_is_right_for_86_films_in_100() -> None:
    films, _ = make_films.make_films()
    odds = [odds_of_genres(film) for film in films]
    expected = sum(max(shares.values()) for shares in odds) / len(films)
    right = sum(
        max(shares, key=shares.__getitem__) == film.genre for shares, film in zip(odds, films, strict=True)
    )
    assert expected == pytest.approx(0.86, abs=0.005)
    assert right / len(films) == pytest.approx(expected, abs=0.02)


def test_words_alone_tell_the_genre_of_most_films_but_not_of_all() -> None:
    learn, judge = LABELLED[:1400], LABELLED[1400:]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10, max_iter=1000))
    model.fit([film["synopsis"] for film in learn], [film["genre"] for film in learn])
    accuracy = model.score([film["synopsis"] for film in judge], [film["genre"] for film in judge])
    assert 0.75 < accuracy < 0.9
