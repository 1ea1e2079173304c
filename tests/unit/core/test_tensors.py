"""Element types and shapes."""

import numpy as np
import pytest

from dragoman.core.tensors import BY_NUMPY, NUMPY, DType, Shape, show_shape


def test_every_element_type_has_a_numpy_type_and_back() -> None:
    assert set(NUMPY) == set(DType)
    assert all(BY_NUMPY[member.numpy] is member for member in DType)


def test_a_type_is_float_integer_or_neither() -> None:
    neither = {member for member in DType if not member.is_float and not member.is_integer}
    assert neither == {DType.BOOL, DType.BYTES}
    assert not any(member.is_float and member.is_integer for member in DType)
    assert all(member.is_integer == np.issubdtype(member.numpy, np.integer) for member in DType)


@pytest.mark.parametrize(
    ("shape", "shown"), [(None, "any shape"), ((), "()"), ((3,), "(3,)"), ((None, 2), "(?, 2)")]
)
def test_a_shape_is_shown_as_python_writes_it_with_question_marks(shape: Shape | None, shown: str) -> None:
    assert show_shape(shape) == shown
