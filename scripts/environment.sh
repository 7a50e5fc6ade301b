# Sourced by scripts/test and scripts/demo, in the project's folder: makes .venv, or brings it up to date.
# shellcheck shell=bash

# Running it is the only proof: pyenv puts names on the path that do nothing but complain.
is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  local name
  for name in python3.13 python3.12 python3.11 python3; do
    if is_new_enough "$name"; then
      echo "$name"
      return
    fi
  done
  echo "finetable needs Python 3.11 or newer, and there is no such python3 on the path: please install one." >&2
  return 1
}

fingerprint() {
  .venv/bin/python -c '
import hashlib, pathlib, sys
print(hashlib.sha256(b"".join(pathlib.Path(name).read_bytes() for name in sys.argv[1:])).hexdigest())
' pyproject.toml requirements.lock
}

install_packages() {
  local kind=$1
  local -x PIP_QUIET=1 PIP_DISABLE_PIP_VERSION_CHECK=1
  .venv/bin/python -m pip install torch==2.13.0 --constraint requirements.lock
  if [[ $kind == development ]]; then
    # Only pip 25.1 and later read the dependency groups of pyproject.toml.
    .venv/bin/python -m pip install pip --constraint requirements.lock
    .venv/bin/python -m pip install --editable . --group dev --constraint requirements.lock
  else
    .venv/bin/python -m pip install --editable '.[clouds]' --constraint requirements.lock
  fi
}

# prepare_environment runtime | development
prepare_environment() {
  local kind=$1 stamp=.venv/finetable.stamp had_kind="" had_hash="" had_folder="" python hash
  if [[ -f $stamp ]]; then
    read -r had_kind had_hash had_folder <"$stamp"
  fi
  # A virtual environment knows its own path, so one that was moved or copied does not work.
  if ! is_new_enough .venv/bin/python || [[ -n $had_folder && $had_folder != "$PWD" ]]; then
    python=$(find_python)
    "$python" -m venv --clear .venv
    had_kind=""
  fi
  hash=$(fingerprint)
  if [[ $had_hash == "$hash" && ($had_kind == "$kind" || $had_kind == development) ]]; then
    return
  fi
  echo "Installing finetable and its packages into .venv; the first time takes a few minutes."
  rm -f "$stamp"
  install_packages "$kind"
  echo "$kind $hash $PWD" >"$stamp"
}
