"""The recipe of a base: shape, training, and how often each kind of text is seen."""

import json
import tomllib
from pathlib import Path
from typing import Self

from pydantic import Field

from finetable.atomic_files import write_json
from finetable.models.scratch import Size
from finetable.settings import Settings


class NetworkSettings(Settings):
    """The shape of the network."""

    width: int
    layers: int
    heads: int
    vocabulary: int

    def size(self) -> Size:
        """The shape as finetable's fresh networks have it."""
        return Size(self.width, self.layers, self.heads, self.vocabulary)


class TrainingSettings(Settings):
    """The numbers of the run; its length is one pass over the mix."""

    learning_rate: float
    batch_tokens: int
    warmup: float
    weight_decay: float


class SourceSettings(Settings):
    """Which sources are share-alike, and whether they are used."""

    share_alike: tuple[str, ...] = ()
    with_share_alike: bool = False

    @property
    def left_out(self) -> frozenset[str]:
        """Sources of which nothing is trained on."""
        return frozenset() if self.with_share_alike else frozenset(self.share_alike)


class BaseRecipe(Settings):
    """Everything that decides what the base becomes."""

    name: str
    seed: int = Field(ge=0)
    network: NetworkSettings
    training: TrainingSettings
    passes: dict[str, float]
    sources: SourceSettings

    def keep_beside(self, folder: Path, *parts: str) -> None:
        """Write the parts of the recipe that decide what is in a folder, or see that they are the same.

        Raises ValueError where the folder was made by another recipe.
        """
        mine = self.model_dump(mode="json", include={"seed", *parts})
        file = folder / "recipe.json"
        if file.exists() and json.loads(file.read_text(encoding="utf-8")) != mine:
            raise ValueError(f"{folder} was made by another recipe ({file.name}); choose another --work.")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(file, mine)

    @classmethod
    def read(cls, file: Path, changes: dict[str, str]) -> Self:
        """A recipe from TOML, with values changed by dotted names (`network.width`)."""
        found = tomllib.loads(file.read_text(encoding="utf-8"))
        for name, value in changes.items():
            *path, last = name.split(".")
            place = found
            for part in path:
                place = place[part]
            place[last] = value
        return cls.model_validate(found)
