"""The listening socket."""

import socket
from pathlib import Path

import pytest

from scanner_service.listener import ListenError, describe, open_listener
from scanner_service.settings import Listen
from tests.scanner_service.scanner_program import free_port


def test_a_tcp_listener_takes_connections_at_once() -> None:
    port = free_port()

    with open_listener(Listen(port=port)), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        assert connection.getpeername() == ("127.0.0.1", port)


def test_a_unix_listener_is_for_owner_and_group_and_leaves_no_other_file(tmp_path: Path) -> None:
    with open_listener(Listen(uds=tmp_path / "sock", uds_group="root")), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(tmp_path / "sock"))

        assert [path.name for path in tmp_path.iterdir()] == ["sock"]
        assert (tmp_path / "sock").stat().st_mode & 0o777 == 0o660


def test_a_new_unix_listener_takes_the_place_of_an_old_one(tmp_path: Path) -> None:
    listen = Listen(uds=tmp_path / "sock")

    with open_listener(listen) as old, open_listener(listen) as new, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(tmp_path / "sock"))
        old.setblocking(False)
        new.settimeout(5)
        accepted, _ = new.accept()
        accepted.close()

        with pytest.raises(BlockingIOError):
            old.accept()


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(ListenError, match=f"cannot listen on http://127.0.0.1:{port}: Address already in use"):
            open_listener(Listen(port=port))


def test_a_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")

    with pytest.raises(ListenError, match="it is there and no socket"):
        open_listener(Listen(uds=tmp_path / "precious"))

    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        (Listen(uds=Path("/nowhere/at/all/sock")), "cannot listen on unix:/nowhere/at/all/sock: No such file"),
        (Listen(uds=Path("/tmp") / ("x" * 120)), "AF_UNIX path too long"),
        (Listen(uds=Path("/tmp/sock"), uds_group="no-such-group"), r"\[listen\] uds_group: there is no group"),
        (Listen(host="no-such-host.invalid"), "cannot listen on http://no-such-host.invalid:8025: "),
        (Listen(host="a..b"), r"cannot listen on http://a\.\.b:8025: "),
        (Listen(host="192.0.2.1"), r"cannot listen on http://192\.0\.2\.1:8025: Cannot assign"),
    ],
)
def test_where_it_cannot_listen_it_says_why(listen: Listen, said: str) -> None:
    with pytest.raises(ListenError, match=said):
        open_listener(listen)


def test_a_failure_leaves_no_file_behind(tmp_path: Path) -> None:
    with pytest.raises(ListenError):
        open_listener(Listen(uds=tmp_path / "sock", uds_group="no-such-group"))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        (Listen(), "http://127.0.0.1:8025"),
        (Listen(host="::1", port=1), "http://[::1]:1"),
        (Listen(uds=Path("/run/s")), "unix:/run/s"),
    ],
)
def test_it_is_described_as_the_shim_is_told(listen: Listen, address: str) -> None:
    assert describe(listen) == address
