"""htpasswd files."""

import pytest

from dragoman.core.errors import DragomanError
from dragoman.security.htpasswd import read_htpasswd
from tests.unit.security.hashes import FANATIC, OTHER


def test_users_are_read_with_their_hashes() -> None:
    text = f"# who may\n\npineapple:{FANATIC}\r\n  other:{OTHER}  \n"
    assert read_htpasswd(text, "users") == {"pineapple": FANATIC, "other": OTHER}


def test_every_mistake_is_told_with_its_line() -> None:
    text = f"a:$apr1$x$y\nb:{FANATIC}\nb:{OTHER}\nnocolon\n:{FANATIC}\n"
    with pytest.raises(DragomanError) as caught:
        read_htpasswd(text, "users")
    first, *others = caught.value.message.splitlines()
    assert first.startswith(
        "users:1: user 'a': an MD5 hash is not accepted: give a bcrypt hash (htpasswd -B)"
    )
    assert others == [
        "users:3: user 'b' is here already",
        "users:4: a line is user:hash",
        "users:5: a line is user:hash",
    ]
