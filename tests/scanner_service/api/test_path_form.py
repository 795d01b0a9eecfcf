"""A message that is named by its path: only beneath the roots, and never through a link."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner_service.api.access import Scope
from scanner_service.api.message_file import read_message_file
from scanner_service.api.problem import ProblemError
from scanner_service.settings import Auth, Limits, Listen, TokenFile
from tests.scanner_service.api.conftest import LIMIT_BYTES
from tests.scanner_service.live_service import detail_of_problem, live_service
from tests.scanner_service.messages import CLEAN, EICAR_IN_BODY, ENVELOPE
from verdict_api.http_interface import VERDICTS_PATH
from verdict_api.json_codec import decode_verdict, encode_envelope
from verdict_api.verdict import Destiny

PATH_TOKEN = "path-token-of-sixteen-and-more"
SCAN_TOKEN = "scan-token-of-sixteen-and-more"
UNIX = Listen(uds=Path("/run/any.sock"))  # what the settings say; the tests connect elsewhere
SECRET = b"Subject: secret\n\nnot for clients\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with messages and traps in it, and a folder beside it that is nobody's business."""
    folder = tmp_path_factory.mktemp("files").resolve()
    root, outside = folder / "root", folder / "outside"
    (root / "179536").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_bytes(SECRET)
    (root / "179536/D1").write_bytes(CLEAN)
    (root / "179536/D2").write_bytes(EICAR_IN_BODY)
    (root / os.fsdecode(b"D\xff")).write_bytes(CLEAN)
    (root / "big").write_bytes(bytes(LIMIT_BYTES + 1))
    (root / "largest").write_bytes(bytes(LIMIT_BYTES))
    os.mkfifo(root / "fifo")
    (root / "link").symlink_to("179536/D1")
    (root / "link-out").symlink_to(outside / "secret")
    (root / "folder-link").symlink_to("179536")
    (root / "folder-link-out").symlink_to(outside)
    (folder / "root-link").symlink_to("root")
    return folder


@pytest.fixture(scope="module")
def tokens(folder: Path) -> Auth:
    (folder / "path-token").write_text(PATH_TOKEN)
    (folder / "scan-token").write_text(SCAN_TOKEN)
    return Auth(
        tokens=(
            TokenFile(name="near", file=folder / "path-token", scopes=frozenset({Scope.PATH})),
            TokenFile(name="far", file=folder / "scan-token", scopes=frozenset({Scope.SCAN})),
        )
    )


@contextlib.contextmanager
def client_of(folder: Path, auth: Auth, listen: Listen, *roots: str) -> Iterator[httpx.Client]:
    listen = listen.model_copy(update={"path_roots": tuple(folder / root for root in roots)})
    limits = Limits(max_message_bytes=LIMIT_BYTES)
    with live_service(auth=auth, listen=listen, limits=limits) as service, service.client() as client:
        yield client


@pytest.fixture(scope="module")
def near(folder: Path, tokens: Auth) -> Iterator[httpx.Client]:
    """A client of a service on a unix socket."""
    with client_of(folder, tokens, UNIX, "root", "root-link", "not-there") as client:
        yield client


@pytest.fixture(scope="module")
def loopback(folder: Path, tokens: Auth) -> Iterator[httpx.Client]:
    with client_of(folder, tokens, Listen(), "root") as client:
        yield client


def ask(client: httpx.Client, path: str | Path, **headers: str) -> httpx.Response:
    body = {"message_path": str(path), "envelope": json.loads(encode_envelope(ENVELOPE))}
    # As JSON's own escapes: a path may have bytes that are not UTF-8.
    return client.post(
        VERDICTS_PATH, content=json.dumps(body), headers={"Content-Type": "application/json", **headers}
    )


@pytest.mark.parametrize(("file", "destiny"), [("D1", Destiny.PASS), ("D2", Destiny.REJECT)])
def test_a_file_beneath_a_root_is_judged(near: httpx.Client, folder: Path, file: str, destiny: Destiny) -> None:
    path = folder / "root/179536" / file

    verdict = decode_verdict(ask(near, path).content)

    assert verdict.destiny is destiny
    assert verdict.message.size == path.stat().st_size


def test_a_name_that_is_not_utf_8_is_found(near: httpx.Client, folder: Path) -> None:
    assert ask(near, f"{folder}/root/D\udcff").status_code == 200


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("179536/D3", "cannot be opened: No such file or directory"),
        ("179536", "no regular file"),
        ("fifo", "no regular file"),
        ("link", "cannot be opened: Too many levels of symbolic links"),
        ("link-out", "cannot be opened: Too many levels of symbolic links"),
        ("folder-link/D1", "cannot be opened: Not a directory"),
        ("folder-link-out/secret", "cannot be opened: Not a directory"),
        ("179536/D1/more", "cannot be opened: Not a directory"),
        ("x" * 300, "cannot be opened: File name too long"),
        ("D\0", "cannot be opened: no such name"),
    ],
)
def test_what_is_no_file_beneath_the_root_is_not_found(
    near: httpx.Client, folder: Path, path: str, reason: str
) -> None:
    response = ask(near, f"{folder}/root/{path}")

    assert detail_of_problem(response, 404) == f"message_path: {reason}"


@pytest.mark.parametrize("root", ["root-link", "not-there"])
def test_a_root_that_is_a_link_or_not_there_holds_no_files(near: httpx.Client, folder: Path, root: str) -> None:
    assert detail_of_problem(ask(near, folder / root / "179536/D1"), 404)


@pytest.mark.parametrize(
    "path", ["outside/secret", "outside/not-there", "root", "rootless", "root2/D1", "", "outside/fifo"]
)
def test_a_path_beneath_no_root_is_refused_whether_it_is_there_or_not(
    near: httpx.Client, folder: Path, path: str
) -> None:
    response = ask(near, folder / path)

    assert detail_of_problem(response, 403) == "message_path: beneath none of path_roots"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "D1",
        "root/D1",
        "/",
        "{root}/",
        "{root}/../outside/secret",
        "{root}/./179536/D1",
        "{root}//179536/D1",
        "//",
    ],
)
def test_a_path_that_is_not_plain_is_refused(near: httpx.Client, folder: Path, path: str) -> None:
    response = ask(near, path.format(root=folder / "root"))

    assert detail_of_problem(response, 400).startswith("message_path: want an absolute path without")


def test_a_file_beyond_the_limit_is_refused_with_the_limit(near: httpx.Client, folder: Path) -> None:
    largest, bigger = ask(near, folder / "root/largest"), ask(near, folder / "root/big")

    assert largest.status_code == 200
    assert detail_of_problem(bigger, 413) == f"want at most {LIMIT_BYTES} bytes"
    assert bigger.json()["limit_bytes"] == LIMIT_BYTES


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"message_path": 1}', b'{"message_path": "/x"}', b'{"envelope": {}}', b"\xff"]
)
def test_a_body_that_is_not_as_described_is_refused(near: httpx.Client, body: bytes) -> None:
    response = near.post(VERDICTS_PATH, content=body, headers={"Content-Type": "application/json"})

    assert detail_of_problem(response, 400)


def test_on_a_loopback_address_it_takes_a_token_with_the_scope_path(loopback: httpx.Client, folder: Path) -> None:
    path = folder / "root/179536/D1"

    without = ask(loopback, path)
    wrong_scope = ask(loopback, path, Authorization=f"Bearer {SCAN_TOKEN}")
    right_scope = ask(loopback, path, Authorization=f"Bearer {PATH_TOKEN}")

    assert detail_of_problem(without, 403) == "message_path: want a unix socket, or a token with the scope path"
    assert detail_of_problem(wrong_scope, 403) == "the token 'far' has not the scope path"
    assert right_scope.status_code == 200


def test_the_scope_path_allows_nothing_else(loopback: httpx.Client) -> None:
    headers = {"Content-Type": "message/rfc822", "Authorization": f"Bearer {PATH_TOKEN}"}

    assert detail_of_problem(loopback.post(VERDICTS_PATH, content=CLEAN, headers=headers), 403)


@pytest.mark.parametrize("header", [{"X-Forwarded-For": "192.0.2.1"}, {"Host": "scanner.example.com"}])
def test_who_comes_by_a_proxy_needs_a_token_on_a_unix_socket_too(
    near: httpx.Client, folder: Path, header: dict[str, str]
) -> None:
    assert detail_of_problem(ask(near, folder / "root/179536/D1", **header), 401)


def test_without_roots_no_file_may_be_named(folder: Path, tokens: Auth) -> None:
    with client_of(folder, tokens, UNIX) as client:
        response = ask(client, folder / "root/179536/D1")

    assert detail_of_problem(response, 403) == "message_path: [listen] path_roots allows none"


def read_or_refuse(path: str, root: Path) -> bytes | None:
    try:
        return read_message_file(path, [root], LIMIT_BYTES)
    except ProblemError:
        return None


NAMES = st.sampled_from(
    [
        "",
        ".",
        "..",
        "179536",
        "D1",
        "D2",
        "link",
        "link-out",
        "folder-link",
        "folder-link-out",
        "secret",
        "fifo",
        "a\0",
    ]
)


@given(start=st.sampled_from(["/root", "/outside", "/root-link", ""]), names=st.lists(NAMES, max_size=6))
@settings(max_examples=500, deadline=None)
def test_no_path_leads_out_of_the_root_or_through_a_link(folder: Path, start: str, names: list[str]) -> None:
    path = "/".join([f"{folder}{start}", *names])

    content = read_or_refuse(path, folder / "root")

    plain = path in {f"{folder}/root/179536/D1", f"{folder}/root/179536/D2"}
    assert content == (Path(path).read_bytes() if plain else None)


@given(path=st.text(max_size=50))
@settings(max_examples=300, deadline=None)
def test_any_text_is_refused_as_a_problem(folder: Path, path: str) -> None:
    assert read_or_refuse(path, folder / "root") is None
    assert read_or_refuse(f"{folder}/root/179536/{path}x", folder / "root") is None


@pytest.mark.parametrize("path", ["box/message", "message"], ids=["in the middle", "at the end"])
def test_a_link_that_comes_between_two_looks_leads_nowhere(tmp_path: Path, path: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for made, content in ((root / "box", CLEAN), (outside, SECRET)):
        made.mkdir(parents=True)
        (made / "message").write_bytes(content)
    (root / "message").write_bytes(CLEAN)
    name = path.split("/", maxsplit=1)[0]
    (root / "trap").symlink_to(outside if name == "box" else outside / "message")

    with swapping(root, name):
        seen = {read_or_refuse(f"{root}/{path}", root) for _ in range(3000)}

    assert seen <= {CLEAN, None}
    assert CLEAN in seen


@contextlib.contextmanager
def swapping(root: Path, name: str) -> Iterator[None]:
    """Put the trap in the place of the name, and back, again and again."""
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            (root / name).rename(root / "kept")
            (root / "trap").rename(root / name)
            (root / name).rename(root / "trap")
            (root / "kept").rename(root / name)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
