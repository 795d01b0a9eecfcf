"""Shim and service agree on the form that names a file."""

from pathlib import Path

from tests.fakes.clamd import EICAR
from tests.fakes.shim_program import MailHost, ShimProgram
from tests.fakes.submit import submit
from tests.scanner_service.scanner_program import running_scanner


def test_a_message_that_the_shim_names_is_judged_by_the_service(tmp_path: Path) -> None:
    host = MailHost(tmp_path)
    (tmp_path / "service").mkdir()

    with running_scanner(tmp_path / "service", settings=f'path_roots = ["{tmp_path}/tmp"]\n') as service:
        host.set_up([f"unix:{service.path}"], send="path")
        with ShimProgram(host):
            clean = submit(host.filter_socket, host.queue.put())
            infected = submit(host.filter_socket, host.queue.put(b"Subject: virus\n\n" + EICAR + b"\n"))

    assert clean.startswith(b"200 ")
    assert infected.startswith(b"550 5.7.1 ")
