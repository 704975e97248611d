"""Coverage-guided fuzzing: `python -m tests.fuzz --help`; what it keeps is in `corpus`, which a quick test replays."""

import sys
from pathlib import Path

_SUPPORT = Path(__file__).parent.parent / "support"

# The tests' own modules are found here, as pytest finds them, also where it is not pytest that runs.
if str(_SUPPORT) not in sys.path:
    sys.path.append(str(_SUPPORT))
