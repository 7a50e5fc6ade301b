"""Write films.csv, a catalogue of 2,000 films that do not exist, and films_unlabelled.csv.

    python examples/make_films.py

films_grammar.toml holds the words. The same seed gives the same bytes. A film's genre picks its story, and
many stories are told by two or three genres, so nobody can name every genre: a reader who knew all the odds
in here would be right for about 86 films in 100.

films.csv has the columns title, year, genre, synopsis. 200 films have no genre; films_unlabelled.csv holds
these rows alone. Most of the rest is clean. On purpose, and each in rows of its own, there are:

- 12 synopses that equal another row's, title and genre too
- 6 synopses that equal another row's but for capitals or spaces, title and genre too
- 1 synopsis that stands in two rows under two genres
- 8 blank synopses, two of them made of spaces
- 10 synopses with a line break inside the cell

and, where the words happen to fall, 108 synopses with letters outside ASCII and 45 with quotation marks.
"""

import csv
import random
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

SEED = 20
UNLABELLED = 200
EXACT_COPIES = 12
NEAR_COPIES = 6
BLANK = 8
BLANK_WITH_SPACES = 2
LINE_BREAKS = 10
SHORTEST_WORDS, LONGEST_WORDS = 15, 45

# Where a last sentence comes from: the film's genre, the list for any film, or a genre that tells its story.
CLOSE_ODDS = {"own": 0.4, "any": 0.4, "shared": 0.2}
SHARED_TITLE_SHARE = 0.25
NICKNAME_SHARE = 0.02

Words = dict[str, list[str]]
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Story:
    """One plot: how much it weighs within each genre, its titles and its parts."""

    weights: dict[str, float]
    titles: list[str]
    words: Words


@dataclass(frozen=True)
class Grammar:
    """Everything in films_grammar.toml."""

    films: dict[str, int]
    words: Words
    close: Words
    stories: list[Story]


@dataclass(frozen=True)
class Film:
    """One row before any genre is taken away; `story` and `close` tell where its words came from."""

    title: str
    year: int
    genre: str
    synopsis: str
    story: int
    close: str


def read_grammar(path: Path = FOLDER / "films_grammar.toml") -> Grammar:
    """Read the words of the catalogue."""
    with path.open("rb") as file:
        content: dict[str, Any] = tomllib.load(file)
    stories = []
    for entry in content["story"]:
        weights, titles = entry.pop("genres"), entry.pop("titles")
        stories.append(Story(weights, titles, entry))
    return Grammar(content["films"], content["words"], content["close"], stories)


class Telling:
    """Fills in the words of one film; a list that was drawn from once keeps its choice."""

    def __init__(self, words: Words, rng: random.Random) -> None:
        self.words = words
        self.rng = rng
        self.chosen: dict[str, str] = {}

    def fill(self, text: str) -> str:
        """Replace every {name} and every {one|two}, the innermost first."""
        while match := re.search(r"\{([^{}]*)\}", text):
            text = text[: match.start()] + self._choose(match[1]) + text[match.end() :]
        return text

    def _choose(self, slot: str) -> str:
        if "|" in slot:
            return self.rng.choice(slot.split("|"))
        if slot not in self.chosen:
            self.chosen[slot] = self.fill(self.rng.choice(self.words[slot]))
        return self.chosen[slot]


def as_sentences(text: str) -> str:
    """Put right what filling in leaves: doubled commas, "a" before a vowel sound, small first letters."""
    text = re.sub(r",(?=[,.])", "", text)
    text = re.sub(r"\b(a) (?=(?!uni|use)[aeiou])", r"\1n ", text, flags=re.IGNORECASE)
    return re.sub(r"(^|[.?!] )(\w)", lambda match: match[1] + match[2].upper(), text)


def as_title(text: str) -> str:
    """Capitalise a title, all but the little words inside it."""
    little = {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "the", "to"}
    words = as_sentences(text).split()
    return " ".join(
        word if place and word in little else word[0].upper() + word[1:] for place, word in enumerate(words)
    )


def hero(rng: random.Random) -> dict[str, str]:
    """Draw whether the hero is a woman or a man, and the words that follow from it."""
    if rng.random() < 0.5:
        return {"first": "{girl}", "he": "she", "his": "her", "him": "her"}
    return {"first": "{boy}", "he": "he", "his": "his", "him": "him"}


def tell(grammar: Grammar, genre: str, used_titles: set[str], rng: random.Random) -> Film:
    """Make one film of this genre; its synopsis has 15 to 45 words, its title is a new one if that can be."""
    odds = [story.weights.get(genre, 0.0) for story in grammar.stories]
    while True:
        number = rng.choices(range(len(odds)), odds)[0]
        story = grammar.stories[number]
        telling = Telling(grammar.words | story.words, rng)
        telling.chosen |= hero(rng)
        sentence = rng.choice(grammar.words["sentences"])
        close = draw_close(genre, story, rng) if "{close}" in sentence else ""
        leads = "nicknamed_leads" if rng.random() < NICKNAME_SHARE else "leads"
        sentence = sentence.replace("{lead}", rng.choice(grammar.words[leads]))
        if close:
            sentence = sentence.replace("{close}", rng.choice(grammar.close[close]))
        synopsis = as_sentences(telling.fill(sentence))
        if SHORTEST_WORDS <= len(synopsis.split()) <= LONGEST_WORDS:
            title = draw_title(telling, story.titles, used_titles)
            return Film(title, 2024 - int(rng.triangular(0, 80, 5)), genre, synopsis, number, close)


def draw_close(genre: str, story: Story, rng: random.Random) -> str:
    """Name the list that the last sentence comes from."""
    kind = rng.choices(list(CLOSE_ODDS), list(CLOSE_ODDS.values()))[0]
    return {"own": genre, "any": "any", "shared": rng.choice(list(story.weights))}[kind]


def draw_title(telling: Telling, story_titles: list[str], used: set[str]) -> str:
    """Draw a title that goes with the synopsis; after eight used ones, accept a remake."""
    for _ in range(8):
        shared = telling.rng.random() < SHARED_TITLE_SHARE
        titles = telling.words["shared_titles"] if shared else story_titles
        title = as_title(telling.fill(telling.rng.choice(titles)))
        if title not in used:
            break
    return title


def tell_all(grammar: Grammar, rng: random.Random) -> list[Film]:
    """Make every film, in no order, no two with the same synopsis."""
    genres = [genre for genre, count in grammar.films.items() for _ in range(count)]
    rng.shuffle(genres)
    films: dict[str, Film] = {}
    used_titles: set[str] = set()
    for genre in genres:
        film = tell(grammar, genre, used_titles, rng)
        while film.synopsis in films:
            film = tell(grammar, genre, used_titles, rng)
        films[film.synopsis] = film
        used_titles.add(film.title)
    return list(films.values())


def shouted(text: str) -> str:
    """Write a text in capitals."""
    return text.upper()


def spaced(text: str) -> str:
    """Write a text with two spaces between sentences and one at the end."""
    return text.replace(". ", ".  ") + " "


class Spoiler:
    """Puts the dirt into clean films; a row spoiled or copied once is left alone from then on."""

    def __init__(self, films: list[Film], rng: random.Random) -> None:
        self.films = films
        self.rng = rng
        self.untouched = set(range(len(films)))

    def take(self, is_fit: Callable[[Film], bool] = lambda _film: True) -> int:
        """Pick a row that is still clean and fit."""
        row = self.rng.choice([row for row in sorted(self.untouched) if is_fit(self.films[row])])
        self.untouched.remove(row)
        return row

    def copy(self, change: Callable[[str], str]) -> None:
        """Make one film a copy of another of its genre, its synopsis changed."""
        row = self.take()
        source = self.films[self.take(lambda film: film.genre == self.films[row].genre)]
        self.films[row] = replace(source, synopsis=change(source.synopsis), year=self.films[row].year)

    def conflict(self) -> None:
        """Make one film a copy of another in all but the genre."""
        row = self.take()
        source = self.films[self.take(lambda film: film.genre != self.films[row].genre)]
        self.films[row] = replace(source, genre=self.films[row].genre)

    def rewrite(self, row: int, synopsis: str) -> None:
        """Give one film another synopsis."""
        self.films[row] = replace(self.films[row], synopsis=synopsis)


def with_dirt(films: list[Film], rng: random.Random) -> tuple[list[Film], set[int]]:
    """Return the films with the dirt listed at the head of this file, and the rows to leave unlabelled."""
    spoiler = Spoiler(list(films), rng)
    unlabelled = {spoiler.take() for _ in range(UNLABELLED)}
    for _ in range(EXACT_COPIES):
        spoiler.copy(str)
    for number in range(NEAR_COPIES):
        spoiler.copy(shouted if number % 2 else spaced)
    spoiler.conflict()
    for number in range(BLANK):
        spoiler.rewrite(spoiler.take(), "   " if number < BLANK_WITH_SPACES else "")
    for _ in range(LINE_BREAKS):
        row = spoiler.take(lambda film: ". " in film.synopsis)
        spoiler.rewrite(row, spoiler.films[row].synopsis.replace(". ", ".\n", 1))
    return spoiler.films, unlabelled


def make_films(seed: int = SEED) -> tuple[list[Film], set[int]]:
    """Return all films with their true genres, and the rows (from 0) whose genre the file leaves out."""
    rng = random.Random(seed)
    return with_dirt(tell_all(read_grammar(), rng), rng)


def write_films(folder: Path = FOLDER) -> None:
    """Write both tables into a folder."""
    films, unlabelled = make_films()
    rows = [
        (film.title, film.year, "" if number in unlabelled else film.genre, film.synopsis)
        for number, film in enumerate(films)
    ]
    tables = {"films.csv": rows, "films_unlabelled.csv": [rows[number] for number in sorted(unlabelled)]}
    for name, table in tables.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([("title", "year", "genre", "synopsis"), *table])


if __name__ == "__main__":
    write_films()
