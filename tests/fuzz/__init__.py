"""Coverage-guided fuzzing: `python -m tests.fuzz --help`; what it keeps is in `corpus`, which a quick test replays."""

import sys
from pathlib import Path

_TESTS = Path(__file__).parent.parent

# The tests' own modules are found here, as pytest finds them, also where it is not pytest that runs.
sys.path += [str(path) for path in (_TESTS, _TESTS / "client") if str(path) not in sys.path]
