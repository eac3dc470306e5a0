import operator

import pytest

from mspt.data._processes import in_processes


def test_results_of_all_tasks_come_from_other_processes() -> None:
    found = in_processes(operator.mul, ((value, 3) for value in range(4)), jobs=2)
    assert sorted(found) == [0, 3, 6, 9]


def test_an_error_of_a_task_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_processes(operator.truediv, [(1, 0)], jobs=1))
