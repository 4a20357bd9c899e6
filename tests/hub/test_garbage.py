"""A hub's process collects garbage rarely, and collects it."""

import subprocess
import sys

PROGRAM = """
import gc, weakref
from gridtokenx_hub.garbage import YOUNG_OBJECTS, collect_rarely

class Circle:
    def __init__(self):
        self.itself = self

def looks():
    return sum(generation["collections"] for generation in gc.get_stats())

collect_rarely()
before = looks()
circle = weakref.ref(Circle())
kept = [[] for _ in range(YOUNG_OBJECTS // 2)]
early = looks() - before
kept += [[] for _ in range(YOUNG_OBJECTS)]
print(gc.get_freeze_count() > 1_000, early, circle() is None)
"""


def test_what_is_there_is_passed_over_and_circles_go() -> None:
    # In a process of its own: what is frozen stays so.
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    assert done.stdout.decode().split() == ["True", "0", "True"]
