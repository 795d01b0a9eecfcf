"""Who may ask what: trust belongs to the listener, scopes to tokens."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scanner_service.api.access import Scope
from scanner_service.main import build_app, make_admin_token
from scanner_service.settings import Auth, Listen, Settings, SettingsError, State, TokenFile
from tests.scanner_service.live_service import (
    LiveService,
    as_bytes,
    detail_of_problem,
    live_service,
    post,
    raw_headers,
)
from tests.scanner_service.messages import CLEAN
from verdict_api.http_interface import VERDICTS_PATH

SCAN_TOKEN = "scan-token-of-sixteen-and-more"
READ_TOKEN = "read-token-of-sixteen-and-more"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Auth:
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "scan").write_text(SCAN_TOKEN + "\n")
    (folder / "read").write_text(READ_TOKEN)
    return Auth(
        tokens=(
            TokenFile(name="shim", file=folder / "scan", scopes=frozenset({Scope.SCAN})),
            TokenFile(name="web", file=folder / "read", scopes=frozenset({Scope.READ, Scope.RELEASE})),
        )
    )


@pytest.fixture(scope="module")
def open_service(tokens: Auth) -> Iterator[LiveService]:
    """One that believes it can be reached from elsewhere."""
    with live_service(auth=tokens, listen=Listen(host="0.0.0.0")) as running:
        yield running


@pytest.fixture
def far_client(open_service: LiveService) -> Iterator[httpx.Client]:
    with open_service.client() as made:
        yield made


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("host", ["localhost", "localhost:8025", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8025"])
def test_a_local_client_needs_no_token(local_client: httpx.Client, host: str) -> None:
    assert post(local_client, CLEAN, more={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-For": "192.0.2.1"},
        {"x-forwarded-for": ""},
        {"X-Forwarded-Host": "localhost"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Host": "scanner.example.com"},
        {"Host": "evil.example:8025"},
        {"Host": "localhost.evil.example"},
        {"Host": "192.0.2.7:8025"},
        {"Host": "0.0.0.0:8025"},
        {"Host": ""},
    ],
    ids=str,
)
def test_who_comes_by_a_proxy_or_by_another_name_is_no_local_client(
    local_client: httpx.Client, header: dict[str, str]
) -> None:
    response = post(local_client, CLEAN, more=header)

    assert detail_of_problem(response, 401) == "want Authorization: Bearer with a known token"
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer wrong-token-of-sixteen-and-more",
        "Bearer",
        "",
        "Basic dXNlcjpwYXNz",
        SCAN_TOKEN,
        f"Bearer {SCAN_TOKEN} x",
        f"Bearer {SCAN_TOKEN.upper()}",
        "Bearer \udcff\udcfe",
    ],
)
def test_a_wrong_token_is_refused_even_to_a_local_client(local_client: httpx.Client, authorization: str) -> None:
    headers = {**raw_headers(), "Authorization": authorization}

    response = local_client.post(VERDICTS_PATH, content=CLEAN, headers=as_bytes(headers))

    assert detail_of_problem(response, 401) == "want Authorization: Bearer with a known token, got another"


def test_a_listener_for_strangers_wants_a_token(far_client: httpx.Client) -> None:
    assert detail_of_problem(post(far_client, CLEAN), 401)
    assert detail_of_problem(post(far_client, CLEAN, more={"Host": "localhost"}), 401)


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_a_token_with_the_scope_scan_may_scan(far_client: httpx.Client, kind: str) -> None:
    response = post(far_client, CLEAN, more={"Authorization": f"{kind} {SCAN_TOKEN}", "X-Forwarded-For": "192.0.2.1"})

    assert response.status_code == 200


def test_a_token_with_another_scope_may_not(far_client: httpx.Client) -> None:
    response = post(far_client, CLEAN, more=bearer(READ_TOKEN))

    assert detail_of_problem(response, 403) == "the token 'web' has not the scope scan"


def test_the_administrators_token_is_for_its_owner_only_and_works(open_service: LiveService) -> None:
    file = open_service.state / "admin.token"

    with open_service.client() as client:
        response = post(client, CLEAN, more=bearer(open_service.admin_token()))

    assert response.status_code == 200
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(open_service.admin_token()) >= 40


def test_the_administrators_token_outlives_a_restart(tmp_path: Path) -> None:
    first = make_admin_token(tmp_path / "state").read_text()

    second = make_admin_token(tmp_path / "state").read_text()

    assert first == second


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json", "/docs"])
def test_probes_and_the_description_need_no_token(far_client: httpx.Client, path: str) -> None:
    assert far_client.get(path, headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 200


def test_the_version_is_told_to_local_clients_and_token_holders(
    local_client: httpx.Client, far_client: httpx.Client
) -> None:
    assert local_client.get("/version").status_code == 200
    assert detail_of_problem(local_client.get("/version", headers={"X-Forwarded-For": "192.0.2.1"}), 401)
    assert detail_of_problem(far_client.get("/version"), 401)
    assert far_client.get("/version", headers=bearer(SCAN_TOKEN)).status_code == 200
    assert detail_of_problem(far_client.get("/version", headers=bearer(READ_TOKEN)), 403)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "scanner.example.com"])
def test_a_listener_for_strangers_without_tokens_is_refused(tmp_path: Path, host: str) -> None:
    settings = Settings(state=State(directory=tmp_path), listen=Listen(host=host))

    with pytest.raises(SettingsError, match="can be reached from elsewhere: set \\[auth\\] tokens"):
        build_app(settings)


@pytest.mark.parametrize("listen", [Listen(), Listen(host="::1"), Listen(host="127.0.0.2"), Listen(host="localhost")])
def test_a_local_listener_without_tokens_is_accepted(tmp_path: Path, listen: Listen) -> None:
    assert build_app(Settings(state=State(directory=tmp_path), listen=listen))


def test_a_state_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=r"admin\.token: the administrator's token cannot be written"):
        build_app(Settings(state=State(directory=tmp_path / "file" / "state")))


@pytest.mark.parametrize("content", [b"", b"short", b"two words of sixteen", b"\xff" * 20])
def test_an_administrators_token_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "admin.token").write_bytes(content)

    with pytest.raises(SettingsError, match=r"admin\.token"):
        build_app(Settings(state=State(directory=tmp_path)))
