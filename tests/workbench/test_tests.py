"""`./run test` leaves no test out, and no part that hangs."""

import os
import subprocess
import sys
import tempfile
import time

import pytest

from workbench import tests

TELLS = """\
import time
try:
    print("begun")
    time.sleep(600)
except KeyboardInterrupt:
    print("in the middle")
"""
DEAF = """\
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("begun")
time.sleep(600)
"""


def test_every_folder_with_tests_is_in_one_part() -> None:
    first, second = tests.parts()
    found = {
        f"tests/{path.relative_to(tests.TESTS).parts[0]}" for path in tests.TESTS.rglob("test_*.py")
    }
    assert found == {*first, *second}
    assert len(found) == len(first) + len(second)


@pytest.mark.parametrize(("program", "word"), [(TELLS, "in the middle"), (DEAF, "")])
def test_a_part_that_does_not_end_is_ended_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: str, word: str
) -> None:
    monkeypatch.setattr(tests, "LAST_WORDS_S", 1)
    tests.hear_interrupts()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([sys.executable, "-uc", program], stdout=output)
        while not os.fstat(output.fileno()).st_size:
            assert process.poll() is None
        assert tests._end(process, output, time.monotonic()) == 1
    assert process.poll() is not None
    assert word in capsys.readouterr().out
