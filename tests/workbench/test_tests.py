"""`./run test` leaves no test out."""

from workbench import tests


def test_every_folder_with_tests_is_in_one_part() -> None:
    first, second = tests.parts()
    found = {
        f"tests/{path.relative_to(tests.TESTS).parts[0]}" for path in tests.TESTS.rglob("test_*.py")
    }
    assert found == {*first, *second}
    assert len(found) == len(first) + len(second)
