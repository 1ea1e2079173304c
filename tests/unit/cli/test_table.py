"""The table of models, as lines."""

from dragoman.cli.table import Row, one_line, plain


def test_columns_are_aligned_and_a_cause_stands_below_its_row():
    rows = [Row("half_plus_two", "1", "onnx", "ready"), Row("bad", "12", "", "failed", "no such operator")]
    assert list(plain(rows)) == [
        "MODEL          VERSION  ENGINE  STATE",
        "half_plus_two  1        onnx    ready",
        "bad            12               failed",
        "  no such operator",
    ]


def test_no_models_leave_the_headings():
    assert list(plain([])) == ["MODEL  VERSION  ENGINE  STATE"]


def test_text_is_kept_from_driving_the_terminal():
    assert one_line("a\nb\x1b[31m\tc\u202e é") == "a b [31m c é"
