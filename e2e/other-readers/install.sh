#!/bin/sh
# Installs the readers of other projects that e2e/other-readers asks: from PyPI, into a cache that git ignores.
# Needs Python 3.10 or newer with venv. Does nothing where that is done.
cd "$(dirname "$0")/../.." || exit 1
venv=.cache/other-readers
wanted=e2e/other-readers/requirements.txt
cmp -s "$wanted" "$venv/requirements.txt" && exit 0
rm -rf "$venv"
python3 -m venv "$venv" &&
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps -r "$wanted" &&
  "$venv/bin/python" -m pip check &&
  cp "$wanted" "$venv/requirements.txt"
