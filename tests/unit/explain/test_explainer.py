"""What every explanation has to be, whatever the model."""

import asyncio
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.settings.model import BatchingSettings
from tests.unit.explain.scene import Scene, asking

WEIGHTS: Final = np.array([1.5, -2.0, 0.0, 0.25, 3.0, 0.5])


def linear(x: Array) -> Array:
    return x @ WEIGHTS + 0.7


def bent(x: Array) -> Array:
    """Not linear, and blind to its second value."""
    return np.tanh(x[:, 0] * x[:, 2]) + np.abs(x[:, 3]) * x[:, 0]


def sharing(x: Array) -> Array:
    """Two numbers, of which either may be the greater."""
    return np.stack([x[:, 0] - x[:, 1], x[:, 1] * x[:, 1]], axis=1)


def refusal(scene: Scene, x: object, **wish: object) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        scene.explain(x, **wish)
    return caught.value


values = st.floats(-10, 10, width=32)
rows = st.lists(st.lists(values, min_size=6, max_size=6), min_size=1, max_size=4)


@given(rows, values, st.integers(0, 5))
def test_a_linear_model_is_explained_exactly(x: list[list[float]], baseline: float, seed: int) -> None:
    found = Scene(linear).numbers(x, baseline=baseline, seed=seed)
    assert found == pytest.approx(WEIGHTS * (np.array(x) - baseline), abs=1e-5 * 30)
    assert not found[:, 2].any()


@given(st.lists(st.lists(values, min_size=4, max_size=4), min_size=1, max_size=4), st.integers(0, 5))
def test_the_sum_is_the_whole_difference_and_what_is_ignored_gets_nothing(
    x: list[list[float]], seed: int
) -> None:
    array = np.array(x, np.float32)
    found = Scene(bent).numbers(x, seed=seed)
    wanted = bent(array) - bent(np.zeros_like(array))
    assert np.isfinite(found).all()
    assert found.sum(axis=1) == pytest.approx(wanted, abs=1e-4)
    assert not found[:, 1].any()


def test_a_linear_model_is_exact_to_a_hundred_thousandth() -> None:
    x = np.random.default_rng(3).normal(size=(5, 6)).astype(np.float32)
    assert Scene(linear).numbers(x) == pytest.approx(WEIGHTS * x, abs=1e-5)


def test_equal_columns_get_equal_values_once_every_order_is_gone_through() -> None:
    def even(x: Array) -> Array:
        return np.sin(x[:, 0] + x[:, 1]) * x[:, 2]

    found = Scene(even).numbers([[2.0, 2.0, 3.0]])
    assert found[0, 0] == pytest.approx(found[0, 1], abs=1e-9)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    x = np.random.default_rng(0).normal(size=(2, 12))
    scene = Scene(lambda x: np.sin(x).prod(axis=1) + x.max(axis=1))
    first, again, other = (scene.numbers(x, seed=seed) for seed in (0, 0, 1))
    assert first.tobytes() == again.tobytes() != other.tobytes()


def test_a_row_is_explained_as_it_is_alone() -> None:
    x = np.random.default_rng(1).normal(size=(3, 8))
    scene = Scene(lambda x: x.max(axis=1))
    assert (scene.numbers(x)[1] == scene.numbers(x[1:2])[0]).all()


def test_a_larger_budget_comes_nearer_to_the_truth() -> None:
    def model(x: Array) -> Array:
        return x[:, 0] * x[:, 1] * x[:, 2] * x[:, 3] * x[:, 4]

    scene = Scene(model)
    exact = np.full(5, 32 / 5)
    usual = np.abs(scene.numbers([[2.0] * 5], seed=1)[0] - exact).max()
    finer = np.abs(scene.numbers([[2.0] * 5], seed=1, budget=8000)[0] - exact).max()
    assert finer < usual / 4


def test_the_greatest_of_several_numbers_is_explained_unless_one_is_named() -> None:
    scene = Scene(sharing)
    assert scene.numbers([[1.0, 3.0], [5.0, 1.0]]).tolist() == [[0.0, 9.0], [5.0, -1.0]]
    assert scene.numbers([[1.0, 3.0]], target=(0,)).tolist() == [[1.0, -3.0]]


def test_a_place_in_a_matrix_has_a_number_for_each_axis_or_one_for_all() -> None:
    scene = Scene(lambda x: x.reshape(-1, 2, 2))
    wanted = [[0.0, 0.0, 7.0, 0.0]]
    assert scene.numbers([[1.0, 2.0, 7.0, 3.0]], target=(1, 0)).tolist() == wanted
    assert scene.numbers([[1.0, 2.0, 7.0, 3.0]], target=(2,)).tolist() == wanted


def test_predictions_are_given_where_they_are_wanted() -> None:
    found = Scene(sharing).explain([[1.0, 3.0]], predictions=True)
    assert found.predictions is not None
    assert found.predictions["y"].array.tolist() == [[-2.0, 9.0]]
    assert Scene(sharing).explain([[1.0, 3.0]]).predictions is None


def test_an_answer_says_how_and_against_what() -> None:
    found = Scene(linear).explain([[1.0] * 6], baseline=0.5)
    assert (found.method, found.baseline, found.version) == ("shapley; pairs=4", "0.5", 1)
    row = {"x": Tensor(DType.FP32, np.full((1, 6), 0.5, np.float32))}
    assert Scene(linear).explain([[1.0] * 6], baseline=row).baseline == "row"
    assert Scene(linear).explain([[1.0] * 6], baseline="mean").attributions["x"].array.tolist() == [[0.0] * 6]


def test_many_values_are_explained_in_blocks() -> None:
    weights = np.arange(400.0)
    scene = Scene(lambda x: x @ weights)
    found = scene.explain(np.ones((1, 400)))
    assert found.method == "occlusion; blocks=196"
    numbers = found.attributions["x"].array[0]
    assert numbers.sum() == pytest.approx(weights.sum(), rel=1e-6)
    assert sum(scene.model.asked) == 197


def test_images_are_explained_in_squares() -> None:
    def corner(x: Array) -> Array:
        return x[:, :28, :28].sum(axis=(1, 2, 3))

    found = Scene(corner, (56, 56, 3)).explain(np.ones((1, 56, 56, 3)))
    assert found.method == "occlusion; blocks=196"
    numbers = found.attributions["x"].array[0]
    assert (numbers[:28, :28] > 0).all()
    assert not numbers[28:].any()
    assert not numbers[:, 28:].any()


def test_blocks_may_be_gone_through_in_every_order_too() -> None:
    found = Scene(lambda x: np.sqrt(x.sum(axis=1))).explain(np.ones((1, 100)), method="shapley")
    assert found.method == "shapley; pairs=4; blocks=100"
    assert found.attributions["x"].array.sum() == pytest.approx(10.0, abs=1e-4)


def test_a_small_budget_makes_fewer_orders_and_larger_blocks() -> None:
    assert Scene(linear).explain([[1.0] * 6], budget=22).method == "shapley; pairs=2"
    assert Scene(linear).explain([[1.0] * 6], budget=12).method == "shapley; pairs=1"
    assert (
        Scene(lambda x: x.sum(axis=1)).explain(np.ones((1, 400)), budget=50).method == "occlusion; blocks=49"
    )


def test_no_more_rows_are_asked_for_than_the_budget_has() -> None:
    for budget in (12, 40, 333, 4096):
        scene = Scene(linear)
        scene.explain([[1.0] * 6], budget=budget)
        assert sum(scene.model.asked) <= budget


@pytest.mark.parametrize("wish", [{"budget": 11}, {"budget": 1}])
def test_a_budget_that_is_too_small_is_refused_with_the_limit(wish: dict[str, int]) -> None:
    error = refusal(Scene(linear), [[1.0] * 6], **wish)
    assert error.code is Code.INVALID_ARGUMENT
    assert "asks the model for at least 12 rows" in error.message
    assert "65536 at most" in error.message


def test_more_instances_than_the_budget_and_a_budget_beyond_the_limit_are_refused() -> None:
    assert "5 rows are to be explained" in refusal(Scene(linear, budget=4), np.ones((5, 6))).message
    assert "above the limit of 65536" in refusal(Scene(linear), [[1.0] * 6], budget=65_537).message


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"target": (2,)}, "parameters.target: 2 is not in output 'y'; it takes a number from 0 to 1"),
        ({"target": (0, 0)}, "parameters.target: [0, 0] is not in output 'y'"),
        ({"output": "z"}, "parameters.output: there is no output 'z'; of floats there is y"),
        (
            {"method": "magic"},
            "parameters.method: 'magic' is not for this model, which has shapley, occlusion",
        ),
        ({"baseline": 1e39}, 'parameters.baseline: 1e+39 does not fit float32, which input "x" takes'),
        (
            {"baseline": {"x": Tensor(DType.FP32, np.zeros((1, 3), np.float32))}},
            'parameters.baseline: input "x" is [3], and a row of the request [2]',
        ),
    ],
)
def test_a_parameter_that_does_not_fit_the_model_is_named(wish: dict[str, object], words: str) -> None:
    error = refusal(Scene(sharing), [[1.0, 2.0]], **wish)
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message.startswith(words)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_answer_that_is_not_finite_is_an_error_and_never_nan(bad: float) -> None:
    error = refusal(Scene(lambda x: np.where(x[:, 0] == 0, bad, x[:, 0])), [[1.0, 2.0]])
    assert (error.code, "is not finite" in error.message) == (Code.INVALID_ARGUMENT, True)


def test_a_model_without_a_value_for_each_row_cannot_be_explained() -> None:
    error = refusal(Scene(lambda x: x.sum(axis=0)), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert error.code is Code.UNIMPLEMENTED
    assert "not one value for each" in error.message


def test_a_model_of_so_many_rows_is_asked_for_just_those() -> None:
    scene = Scene(linear, (6,), 4)
    assert scene.numbers([[1.0] * 6]) == pytest.approx(WEIGHTS[None], abs=1e-5)
    assert set(scene.model.asked) == {4}


def test_many_rows_of_one_value_let_others_have_their_turn() -> None:
    async def explain() -> int:
        scene, turns = Scene(lambda x: x[:, 0] * 2), 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        await scene.ask(asking(np.arange(1.0, 4001.0)[:, None]))
        counting.cancel()
        return turns

    assert asyncio.run(explain()) > 4000 // 32 + 10


def test_no_slice_is_larger_than_the_models_batches() -> None:
    scene = Scene(linear, batching=BatchingSettings(max_size=5))
    scene.explain([[1.0] * 6])
    assert max(scene.model.asked) == 5


def test_settings_can_turn_explanations_off() -> None:
    with pytest.raises(DragomanError) as caught:
        Scene(linear, method="off").handle.explainer()
    assert (caught.value.code, caught.value.reason) == (Code.UNIMPLEMENTED, Reason.NO_EXPLAINER)


def test_a_deadline_ends_an_explanation_between_slices() -> None:
    async def late() -> None:
        scene = Scene(linear)
        with pytest.raises(DragomanError) as caught:
            await scene.ask(asking([[1.0] * 6]), deadline_s=-1.0)
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        await scene.ask(asking([[1.0] * 6]))  # and gives its place back

    asyncio.run(late())


def test_others_wait_for_their_turn_and_then_are_refused() -> None:
    async def many() -> list[object]:
        scene = Scene(linear, concurrency=1, max_queue=2)
        return await asyncio.gather(
            *(scene.ask(asking([[1.0] * 6])) for _ in range(4)), return_exceptions=True
        )

    *answered, refused = asyncio.run(many())
    assert not any(isinstance(one, Exception) for one in answered)
    assert isinstance(refused, DragomanError)
    assert (refused.code, refused.reason) == (Code.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL)
