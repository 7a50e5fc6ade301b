"""Names of what the server keeps, shaped like those of OpenAI."""

import hashlib
import secrets
import string

ALPHABET = string.ascii_letters + string.digits
FINE_TUNED = "ft:"
ORGANIZATION = "local"


def new_id(prefix: str, length: int = 24) -> str:
    """A name that nobody can guess: the prefix and so many letters or digits."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


def id_made_of(prefix: str, source: str) -> str:
    """The same name for the same source, so that what is made twice is kept once."""
    return prefix + hashlib.sha256(source.encode()).hexdigest()[:22]


def model_name(base: str, suffix: str | None, snapshot: str) -> str:
    """The name of a fine-tuned model: `ft:BASE:local:SUFFIX:SNAPSHOT`."""
    return f"{FINE_TUNED}{base}:{ORGANIZATION}:{suffix or ''}:{snapshot}"


def checkpoint_name(base: str, suffix: str | None, snapshot: str, step: int) -> str:
    """The name of a model as it was after a step."""
    return f"{model_name(base, suffix, snapshot)}:ckpt-step-{step}"
