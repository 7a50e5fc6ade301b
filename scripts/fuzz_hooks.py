"""What schemathesis cannot know: names of models and files that are there, so that more is gone through."""

import os
from typing import Any

import schemathesis

MODELS = ("writer", "labeller", "gpt-nothing")
MOST_TOKENS = 8
KNOWN = {
    "name": "writer",
    "checkpoint": "writer",
    "file_id": os.environ["FUZZ_FILE"],
    "job_id": os.environ["FUZZ_JOB"],
    "upload_id": os.environ["FUZZ_UPLOAD"],
}


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    """Mostly name what is there, and ask for few tokens; anything else stays as it was drawn."""
    choice = len(repr(body))
    if not isinstance(body, dict) or choice % 8 == 0:
        return body
    changed = dict(body)
    if isinstance(body.get("model"), str):
        changed["model"] = "scratch" if "training_file" in body else MODELS[choice % len(MODELS)]
    for name in ("training_file", "input_file_id"):
        if isinstance(body.get(name), str):
            changed[name] = KNOWN["file_id"]
    for name in ("max_tokens", "max_completion_tokens"):
        if isinstance(body.get(name), int):
            changed[name] = body[name] % MOST_TOKENS
    return changed


@schemathesis.hook
def map_path_parameters(_: schemathesis.HookContext, path_parameters: Any) -> Any:
    """Name what is there in most paths."""
    if not isinstance(path_parameters, dict) or len(repr(path_parameters)) % 4 == 0:
        return path_parameters
    return {name: KNOWN.get(name, value) for name, value in path_parameters.items()}
