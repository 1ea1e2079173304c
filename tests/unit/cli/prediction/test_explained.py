"""What each value adds: bars in the terminal, and a heat map of an image."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dragoman.cli.drawing import LETTERS, SHADES
from dragoman.cli.prediction.attributions import MOST_BARS, as_arrays, chart, of_row
from dragoman.cli.prediction.heat_map import heat_map, image_layout, place_for
from dragoman.cli.prediction.pictures import Layout

INPUTS = {"age": np.array([22.0, 38.0]), "sex": np.array([b"male", b"female"], object)}
ADDS = {"age": np.array([0.5, -0.1]), "sex": np.array([-1.0, 0.2])}


def lines(row: int, shades: str = SHADES) -> list[str]:
    return [line.plain for line in chart(of_row(INPUTS, ADDS, row), shades)]


def test_what_adds_or_takes_most_comes_first_by_the_names_of_columns() -> None:
    assert [line.split()[:3] for line in lines(0)] == [["sex", "male", "-1"], ["age", "22", "+0.5"]]
    assert [line.split()[:2] for line in lines(1)] == [["sex", "female"], ["age", "38"]]


def test_what_lowers_the_answer_is_left_of_the_middle_and_what_raises_it_right() -> None:
    lowers, raises = lines(0)
    assert lowers.endswith(f"{'█' * 20}|")
    assert raises.endswith(f"{' ' * 20}|{'█' * 10}")
    assert lowers.index("|") == raises.index("|")


def test_the_sign_is_a_colour_too() -> None:
    colours = [str(line.spans[-1].style) for line in chart(of_row(INPUTS, ADDS, 0), SHADES)]
    assert colours == ["red", "green"]


def test_a_terminal_without_blocks_gets_letters() -> None:
    assert lines(0, LETTERS)[0].endswith(f"{'#' * 20}|")


def test_values_of_a_matrix_are_called_by_their_places_and_the_rest_is_summed_up() -> None:
    inputs, adds = {"x": np.zeros((1, 5, 10))}, {"x": np.arange(50.0).reshape(1, 5, 10)}
    drawn = [line.plain for line in chart(of_row(inputs, adds, 0), SHADES)]
    assert drawn[0].split()[0:2] == ["x[4,", "9]"]
    assert drawn[-1] == f"  and {50 - MOST_BARS} more, which add +435 together"


def test_no_difference_at_all_is_drawn_without_bars() -> None:
    drawn = [line.plain for line in chart(of_row({"x": np.ones((1, 2))}, {"x": np.zeros((1, 2))}, 0), SHADES)]
    assert all(line.endswith("|") for line in drawn)


def test_a_text_cannot_drive_the_terminal() -> None:
    inputs = {"t": np.array([b"\x1b[31m" + b"x" * 40], object)}
    (line,) = chart(of_row(inputs, {"t": np.array([1.0])}, 0), SHADES)
    assert "\x1b" not in line.plain
    assert "xxx..." in line.plain


def test_explanations_of_another_form_than_the_inputs_are_told() -> None:
    assert as_arrays([[1, 2]], {"x": np.zeros((1, 2))})["x"].tolist() == [[1, 2]]
    with pytest.raises(ValueError, match=r"'x' has shape \(1, 3\), and the input \(1, 2\)"):
        as_arrays({"x": [[1, 2, 3]]}, {"x": np.zeros((1, 2))})
    with pytest.raises(ValueError, match="it has no inputs by name"):
        as_arrays([1], {"x": np.zeros(1), "y": np.zeros(1)})


@pytest.mark.parametrize(
    ("axes", "shape", "turned"),
    [
        ("P", (4,), lambda values: values),
        ("HW", (2, 2), lambda values: values),
        ("HWC", (2, 2, 1), lambda values: values),
        ("CHW", (1, 2, 2), lambda values: values),
    ],
)
def test_a_pixel_is_red_where_it_raises_the_answer_and_blue_where_it_lowers_it(axes, shape, turned) -> None:
    values = np.array([0.0, 255.0, 0.0, 255.0]).reshape(shape)
    adds = np.array([1.0, 0.0, 0.0, -1.0]).reshape(shape)
    image = heat_map(values, adds, Layout(axes, 2, 2))
    assert image.size == (256, 256)
    corners = [image.getpixel(place) for place in ((0, 0), (255, 0), (0, 255), (255, 255))]
    (red, _, blue), plain_white, plain_black, (red2, _, blue2) = corners
    assert red > 2 * blue
    assert blue2 > 2 * red2
    assert (plain_white, plain_black) == ((255, 255, 255), (0, 0, 0))


def test_the_channels_of_a_pixel_count_together() -> None:
    adds = np.zeros((2, 2, 3))
    adds[0, 0] = (1.0, -1.0, 0.0)
    image = heat_map(np.zeros((2, 2, 3)), adds, Layout("HWC", 2, 2, 3))
    assert np.unique(np.asarray(image)).size == 1


def test_a_large_image_is_written_as_large_as_it_is() -> None:
    assert heat_map(np.zeros((300, 400)), np.zeros((300, 400)), Layout("HW", 300, 400)).size == (400, 300)


def test_a_table_is_an_image_only_where_one_was_given() -> None:
    assert image_layout((None, 64), from_picture=False) is None
    assert image_layout((None, 64), from_picture=True) == Layout("P", 8, 8)
    assert image_layout((None, 3, 8, 8), from_picture=False) == Layout("CHW", 8, 8, 3)
    assert image_layout((None, 10), from_picture=True) is None


@pytest.mark.parametrize(
    ("wanted", "picture", "rows", "path"),
    [
        (None, "images/seven.jpg", 1, "images/seven.explained.png"),
        (None, None, 1, "heat-map.explained.png"),
        (Path("out.png"), "images/seven.jpg", 1, "out.png"),
        (Path("out.png"), None, 3, "out-2.png"),
    ],
)
def test_a_heat_map_is_put_beside_the_image_or_where_it_is_wanted(wanted, picture, rows, path) -> None:
    assert place_for(wanted, picture, 2, rows) == Path(path)


def test_the_file_is_a_png(tmp_path: Path) -> None:
    from dragoman.cli.failure import FailureError
    from dragoman.cli.prediction.heat_map import write

    made = heat_map(np.zeros((2, 2)), np.ones((2, 2)), Layout("HW", 2, 2))
    write(made, tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as image:
        assert image.format == "PNG"
    with pytest.raises(FailureError, match="cannot be written: No such file or directory"):
        write(made, tmp_path / "missing" / "map.png")
