"""Where the tests of the broker find what they share."""

import sys
from pathlib import Path

# pytest's importlib mode leaves sys.path alone; tests here share one module beside them.
sys.path.insert(0, str(Path(__file__).parent))
