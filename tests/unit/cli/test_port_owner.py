"""Who holds a port, read from a /proc of our own making."""

import pytest

from dragoman.cli.port_owner import Owner, port_owner

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def line(address, state, inode):
    rest = "00000000:00000000 00:00000000 00000000     0        0"
    return f"   0: {address} 00000000:0000 {state} {rest} {inode} 1 0\n"


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(
        HEAD + line("0100007F:1F40", "01", 11) + line("0100007F:1F40", "0A", 12)
    )
    (tmp_path / "net" / "tcp6").write_text(HEAD + line("0" * 32 + ":1F41", "0A", 13))
    for pid, inode, command in (("41", 11, b"client\0"), ("42", 12, b"python\0-m\0http.server\0")):
        (tmp_path / pid / "fd").mkdir(parents=True)
        (tmp_path / pid / "fd" / "3").symlink_to(f"socket:[{inode}]")
        (tmp_path / pid / "fd" / "4").write_text("a plain file")
        (tmp_path / pid / "cmdline").write_bytes(command)
    return tmp_path


def test_the_listening_process_is_named_not_one_that_is_connected(proc):
    assert port_owner(8000, proc) == Owner(42, "python -m http.server")


def test_ipv6_listeners_are_found_too(proc):
    (proc / "42" / "fd" / "5").symlink_to("socket:[13]")
    assert port_owner(8001, proc) == Owner(42, "python -m http.server")


def test_an_owner_that_may_not_be_looked_into_stays_unknown(proc):
    assert port_owner(8001, proc) is None


def test_a_free_port_has_no_owner(proc):
    assert port_owner(9999, proc) is None


def test_a_system_without_proc_knows_no_owner(tmp_path):
    assert port_owner(8000, tmp_path / "nowhere") is None


def test_a_process_that_has_just_ended_is_passed_over(proc):
    (proc / "43").mkdir()
    (proc / "42" / "cmdline").unlink()
    assert port_owner(8000, proc) == Owner(42, "")
