import json

import pytest

from finetable.serving.guard import COOKIE, Guard, needs_key

from .asgi import ask, hello

KEY = "a-key"
BEARER = {"authorization": f"Bearer {KEY}"}


def guarded(key: str | None = KEY, host: str = "127.0.0.1", origins: tuple[str, ...] = ()) -> Guard:
    return Guard(hello, key, host, origins)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": KEY},
        {"authorization": f"Bearer {KEY}x"},
        {"cookie": f"{COOKIE}=wrong"},
        {"cookie": "\x01=;;=,"},
    ],
)
@pytest.mark.parametrize(
    "path", ["/", "/v1/models", "/metrics", "/openapi.json", "/static/page.js", "/nothing"]
)
def test_every_route_but_health_needs_the_key(path: str, headers: dict[str, str]) -> None:
    answer = ask(guarded(), path, headers=headers)
    assert answer.status == 401
    error = json.loads(answer.body)["error"]
    assert error["code"] == "invalid_api_key"
    assert set(error) == {"message", "type", "param", "code"}
    assert KEY not in answer.body.decode()


def test_the_key_lets_in_by_header_and_by_the_cookie_that_the_printed_address_sets() -> None:
    assert ask(guarded(), headers=BEARER).status == 200
    entry = ask(guarded(), f"/?key={KEY}")
    assert (entry.status, entry.headers["location"]) == (303, "/")
    cookie = entry.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert ask(guarded(), headers={"cookie": cookie.split(";")[0]}).status == 200
    assert ask(guarded(), f"/v1/models?key={KEY}").status == 401, "only the page is entered by address"


def test_health_is_open_and_nobody_needs_a_key_where_there_is_none() -> None:
    assert ask(guarded(), "/health").status == 200
    assert ask(guarded(key=None)).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "", "127.0.0.1.evil.example", "[::1", "@127.0.0.1"]
)
def test_a_name_that_somebody_pointed_here_is_refused(host: str) -> None:
    assert ask(guarded(), headers={**BEARER, "host": host}).status == 421


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_the_names_of_this_machine_are_answered(host: str) -> None:
    assert ask(guarded(), headers={**BEARER, "host": host}).status == 200


def test_a_server_for_others_answers_to_addresses_and_its_own_name() -> None:
    open_to_others = guarded(host="0.0.0.0")
    assert ask(open_to_others, headers={**BEARER, "host": "192.168.1.7:8000"}).status == 200
    assert ask(open_to_others, headers={**BEARER, "host": "evil.example"}).status == 421
    assert ask(guarded(), headers={**BEARER, "host": "192.168.1.7:8000"}).status == 421


def test_other_sites_are_kept_out_unless_they_are_named() -> None:
    elsewhere = {**BEARER, "origin": "https://evil.example"}
    assert ask(guarded(), headers=elsewhere).status == 403
    assert ask(guarded(), headers={**BEARER, "origin": "null"}).status == 403
    assert ask(guarded(), headers={**BEARER, "origin": "http://127.0.0.1:8000"}).status == 200
    assert ask(guarded(), method="POST", headers={**BEARER, "sec-fetch-site": "cross-site"}).status == 403
    answer = ask(guarded(origins=("https://evil.example/",)), headers=elsewhere)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin".lower()] == "https://evil.example"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(("mode", "status"), [("no-cors", 403), ("cors", 403), ("navigate", 200)])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_may_lead_here_but_a_picture_of_another_site_gets_nothing(
    site: str, mode: str, status: int
) -> None:
    headers = {**BEARER, "sec-fetch-site": site, "sec-fetch-mode": mode}
    assert ask(guarded(), "/v1/finetable/rows/writer", headers=headers).status == status


def test_only_an_allowed_site_gets_a_preflight() -> None:
    origin = {"origin": "https://good.example"}
    assert ask(guarded(), method="OPTIONS", headers=origin).status == 403
    answer = ask(guarded(origins=("https://good.example",)), method="OPTIONS", headers=origin)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://good.example"
    asked = {**origin, "access-control-request-headers": "x-stainless-os, content-type"}
    answer = ask(guarded(origins=("https://good.example",)), method="OPTIONS", headers=asked)
    assert answer.headers["access-control-allow-headers"] == "x-stainless-os, content-type"


def test_every_answer_forbids_scripts_from_elsewhere() -> None:
    for answer in (ask(guarded(), headers=BEARER), ask(guarded())):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "needed"),
    [
        *(("127.0.0.1", False), ("localhost", False), ("::1", False), ("127.8.8.8", False)),
        *(("0.0.0.0", True), ("192.168.0.1", True), ("::", True), ("my-machine", True)),
    ],
)
def test_only_this_machine_goes_without_a_key(host: str, needed: bool) -> None:
    assert needs_key(host) is needed
