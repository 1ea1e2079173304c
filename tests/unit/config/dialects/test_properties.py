"""Java's properties as TorchServe reads them."""

import pytest

from dragoman.config.dialects.torchserve.properties import read_properties


def read(text, **environment):
    return {key: found.value for key, found in read_properties(text, "f", environment).items()}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=b", {"a": "b"}),
        ("a:b", {"a": "b"}),
        ("a b", {"a": "b"}),
        ("  a  =  b  ", {"a": "b  "}),
        ("a = = b", {"a": "= b"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("a=b\r\nc=d\re=f", {"a": "b", "c": "d", "e": "f"}),
        ("# a=b\n  ! c=d\n\n\t\ne=f", {"e": "f"}),
        ("a=1,\\\n   2,\\\n\t3", {"a": "1,2,3"}),
        ("a=1\\\n# 2", {"a": "1# 2"}),
        ("a=b\\\\\nc=d", {"a": "b\\", "c": "d"}),
        ("a=b\\", {"a": "b"}),
        (r"a\ b\=c=d\:e", {"a b=c": "d:e"}),
        (r"a=\t\n\r\f\q\u0041", {"a": "\t\n\r\fqA"}),
        ("a=1\na=2", {"a": "2"}),
        ("=b", {"": "b"}),
    ],
)
def test_a_line_means_what_java_reads(text, found):
    assert read(text) == found


def test_a_value_has_the_line_where_it_begins():
    lines = {key: found.line for key, found in read_properties("\n#\na=1\\\n\\\n2\nb=3", "f", {}).items()}
    assert lines == {"a": 3, "b": 6}


def test_variables_stand_between_two_dollars_and_two():
    assert read("a=http://$$HOST$$:$$PORT$$/$x$$", HOST="h$1\\", PORT="80") == {"a": "http://h$1\\:80/$x$$"}
