#!/usr/bin/env bash
# hypothesis 6.170.17: with `derandomize=True` a test gets other inputs when a module of the same project has been imported
# that the test does not use: the constants in local modules are mixed into what strategies such as `st.text()` give.
# The setting is said to give the same inputs until hypothesis, Python or the test is changed; so one would guess that it
# does not matter which other tests ran, and were imported, before: a suite that passes whole fails in parts, or the other
# way round.
#
# Seen: a digest of 300 inputs, twice without the module and twice with it.  Exits 0 while the two of a kind are alike and
# the kinds are not, 1 if that has changed, 2 where it cannot be tried.
#
# Needs python3 with venv.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install --quiet hypothesis==6.170.17 2> /dev/null || { echo "cannot install"; exit 2; }
mkdir project && cd project

cat > unused.py <<'PYTHON'
SENTENCES = ["a constant that no test asks for", "another one", "a third"]
PYTHON
cat > inputs.py <<'PYTHON'
import hashlib
import sys

if sys.argv[1] == "with":
    import unused  # noqa: F401

from hypothesis import given, settings
from hypothesis import strategies as st

seen = []


@settings(derandomize=True, database=None, max_examples=300)
@given(st.text())
def collect(text):
    seen.append(text)


collect()
print(hashlib.sha256(repr(seen).encode()).hexdigest()[:12])
PYTHON
without=$(../venv/bin/python inputs.py without) && without_again=$(../venv/bin/python inputs.py without)
with=$(../venv/bin/python inputs.py with) && with_again=$(../venv/bin/python inputs.py with)
echo "inputs without the module: $without, $without_again; with it: $with, $with_again"
[[ $without == "$without_again" && $with == "$with_again" && $without != "$with" ]]
