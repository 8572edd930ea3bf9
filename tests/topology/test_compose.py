"""What docker-compose.yml and docker-compose.dev.yml promise, read from the files."""

from __future__ import annotations

import ipaddress
import itertools
import re
from typing import Any

import pytest
import yaml
from fusewire.app import DRAIN_SECONDS
from fusewire.bounds import Bounds

from tests.topology.compose import DEVELOPMENT, PRODUCTION, ROOT, MissingVariable, fill, flag, load, seconds
from tests.topology.images import Stage, stages

SECRETS = {"POSTGRES_PASSWORD": "p", "JWT_SECRET": "j"}
SERVICES = {"nginx", "backend", "migrate", "frontend", "postgres", "redis"}
OURS = ("nginx", "backend", "migrate", "frontend")
TEMPLATE = (ROOT / "nginx/gateway.conf.template").read_text()

EXAMPLE = (ROOT / ".env.example").read_text()

FILES = {"production": PRODUCTION, "development": DEVELOPMENT}


@pytest.fixture(params=FILES)
def compose(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(FILES[request.param], SECRETS)


@pytest.fixture
def deployed() -> dict[str, Any]:
    return load(PRODUCTION, SECRETS)


@pytest.fixture
def developed() -> dict[str, Any]:
    return load(DEVELOPMENT, SECRETS)


def directive(name: str) -> list[str]:
    return re.findall(rf"^\s*{name} ([^;]+);", TEMPLATE, re.MULTILINE)


# ---- interpolation ----


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${SET}", "x"),
        ("${SET:-d}", "x"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${ABSENT-d}", "d"),
        ("${ABSENT:-}", ""),
        ("a$${SET}b", "a${SET}b"),
        ("${SET:?no}:${ABSENT:-2}", "x:2"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, filled: str) -> None:
    assert fill(text, {"SET": "x", "EMPTY": ""}) == filled


# ---- secrets ----


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", [None, ""])
def test_production_does_not_start_without_a_secret(name: str, value: str | None) -> None:
    environment: dict[str, str] = {key: text for key, text in SECRETS.items() if key != name}
    if value is not None:
        environment[name] = value
    with pytest.raises(MissingVariable, match=name):
        load(PRODUCTION, environment)


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_no_secret_is_written_down(path: Any) -> None:
    services = yaml.safe_load(path.read_text())["services"]
    for name, service in services.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY(?!_)|TOKEN", key):
                assert re.fullmatch(r"\$\{\w+(:\?[^}]+|:-)\}", value), (name, key)
            # A password in a URL.
            assert not re.search(r"://[^/@$]*:(?!\$\{)[^/@]*@", str(value)), (name, key)


def test_only_what_is_optional_may_be_empty() -> None:
    text = PRODUCTION.read_text()
    model = {"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL"}
    assert set(re.findall(r"\$\{(\w+):-\}", text)) == {*model, "COOKIE_SECURE", "TRUSTED_PROXIES"}


def test_setup_makes_every_secret() -> None:
    for name in SECRETS:
        assert f"\n{name}=<generate>\n" in EXAMPLE


# ---- each service ----


def test_the_services() -> None:
    assert set(load(PRODUCTION, SECRETS)["services"]) == SERVICES
    assert set(load(DEVELOPMENT, SECRETS)["services"]) == SERVICES | {"watcher"}


def test_every_server_has_a_health_check_a_signal_and_a_grace_period(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name in ("migrate", "watcher"):
            continue
        check = service["healthcheck"]
        assert check["test"][0] in ("CMD", "CMD-SHELL"), name
        # YAML reads an unquoted `a ? b : c` as a mapping.
        assert all(isinstance(word, str) for word in check["test"]), name
        assert seconds(check["timeout"]) < seconds(check["interval"]), name
        assert seconds(check["start_period"]) > 0, name
        assert service["stop_signal"].startswith("SIG"), name
        assert seconds(service["stop_grace_period"]) > 0, name


def test_everything_is_given_as_words_that_no_shell_reads(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert isinstance(service["command"], list), name
        assert all(isinstance(word, str) for word in service["command"]), name
        assert all(isinstance(value, str) for value in service.get("environment", {}).values()), name


def test_production_comes_back_after_a_crash_and_migrates_once(deployed: dict[str, Any]) -> None:
    restarts = {name: service["restart"] for name, service in deployed["services"].items()}
    assert restarts.pop("migrate") == "no"
    assert set(restarts.values()) == {"unless-stopped"}


def test_the_order_in_which_things_start(deployed: dict[str, Any]) -> None:
    services = deployed["services"]
    healthy, done = {"condition": "service_healthy"}, {"condition": "service_completed_successfully"}
    assert services["nginx"]["depends_on"] == {"backend": healthy, "frontend": healthy}
    assert services["backend"]["depends_on"] == {"migrate": done, "postgres": healthy, "redis": healthy}
    assert services["migrate"]["depends_on"] == {"postgres": healthy}


def test_images_and_bases_are_pinned(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if "build" in service:
            bases = [stage.base for stage in stages(service["build"]["dockerfile"])]
            names = {stage.name for stage in stages(service["build"]["dockerfile"])}
            images = [base for base in bases if base not in names]
        else:
            images = [service["image"]]
        for image in images:
            assert re.fullmatch(r"[a-z/]+:\d[\w.]*(-[a-z]+)?", image), (name, image)


def test_nothing_has_rights_that_it_does_not_need(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & set(service), name
        assert service.get("network_mode", "none") == "none", name
        assert not any("docker.sock" in volume for volume in service.get("volumes", [])), name


def test_our_images_run_as_somebody_on_a_root_that_nobody_can_write(deployed: dict[str, Any]) -> None:
    for name in OURS:
        service = deployed["services"][name]
        assert service["read_only"] is True, name
        assert service["tmpfs"] == ["/tmp"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        last = stage_of(service)
        assert last.last("USER").partition(":")[0] in ("10001", "101", "node"), name


# ---- the network ----


def test_only_the_gateway_is_published(deployed: dict[str, Any], developed: dict[str, Any]) -> None:
    for compose in (deployed, developed):
        assert [name for name, service in compose["services"].items() if service.get("ports")] == ["nginx"]
    assert deployed["services"]["nginx"]["ports"] == ["80:8080"]
    assert developed["services"]["nginx"]["ports"] == ["127.0.0.1:4053:8080"]


def test_the_backend_believes_the_gateways_subnet_and_nobody_else(compose: dict[str, Any]) -> None:
    (subnet,) = (config["subnet"] for config in compose["networks"]["edge"]["ipam"]["config"])
    assert ipaddress.ip_network(subnet).is_private
    command = compose["services"]["backend"]["command"]
    assert "--proxy-headers" in command
    assert flag(command, "--forwarded-allow-ips") == subnet
    on_edge = {name for name, service in compose["services"].items() if "edge" in service.get("networks", [])}
    assert on_edge == {"nginx", "backend", "frontend"}


def test_the_databases_have_a_network_without_a_way_out(compose: dict[str, Any]) -> None:
    assert compose["networks"]["data"]["internal"] is True
    for name in ("postgres", "redis", "migrate"):
        assert compose["services"][name]["networks"] == ["data"]
    assert "data" not in compose["services"]["nginx"]["networks"]
    assert "data" not in compose["services"]["frontend"]["networks"]


def test_both_files_can_run_side_by_side(deployed: dict[str, Any], developed: dict[str, Any]) -> None:
    subnets = [
        ipaddress.ip_network(compose["networks"]["edge"]["ipam"]["config"][0]["subnet"])
        for compose in (deployed, developed)
    ]
    assert not subnets[0].overlaps(subnets[1])
    assert deployed["name"] != developed["name"]


# ---- numbers that depend on each other ----


def test_stopping_takes_longer_than_draining(deployed: dict[str, Any]) -> None:
    services = deployed["services"]
    grace = {name: seconds(services[name]["stop_grace_period"]) for name in ("nginx", "backend", "frontend")}
    drain = float(flag(services["backend"]["command"], "--timeout-graceful-shutdown"))
    assert DRAIN_SECONDS + 16 < drain < grace["backend"]
    (shutdown,) = directive("worker_shutdown_timeout")
    assert drain <= seconds(shutdown) < grace["nginx"]
    assert float(services["frontend"]["environment"]["SHUTDOWN_TIMEOUT"]) < grace["frontend"]
    assert services["nginx"]["stop_signal"] == "SIGQUIT"


def test_nginx_lets_go_of_an_idle_connection_before_its_upstream_does(compose: dict[str, Any]) -> None:
    kept = max(seconds(value) for value in directive("keepalive_timeout"))
    assert float(flag(compose["services"]["backend"]["command"], "--timeout-keep-alive")) > kept


def test_the_frontend_keeps_connections_longer_too(deployed: dict[str, Any]) -> None:
    kept = max(seconds(value) for value in directive("keepalive_timeout"))
    assert float(deployed["services"]["frontend"]["environment"]["KEEP_ALIVE_TIMEOUT"]) > kept


def test_the_gateway_is_more_patient_than_the_heartbeat() -> None:
    (location,) = re.findall(r"location = /_ws \{(.*?)\}", TEMPLATE, re.DOTALL)
    for name in ("proxy_read_timeout", "proxy_send_timeout"):
        (patience,) = re.findall(rf"{name} ([^;]+);", location)
        # The server gives up after two silent heartbeats.
        assert seconds(patience) > 2 * Bounds().heartbeat_seconds


def test_uvicorn_reads_the_frames_that_fusewire_allows(compose: dict[str, Any]) -> None:
    command = compose["services"]["backend"]["command"]
    # A frame that is too large gets the name of what it is, not uvicorn's.
    assert int(flag(command, "--ws-max-size")) > Bounds().frame_bytes


def test_query_strings_are_logged_by_nobody(compose: dict[str, Any]) -> None:
    command = compose["services"]["backend"]["command"]
    assert "--no-access-log" in command
    # At info, uvicorn logs the path of a WebSocket with its query.
    assert flag(command, "--log-level") == "warning"
    (log_format,) = directive("log_format")
    assert not re.search(
        r"\$(request|request_uri|args|query_string|http_referer|http_cookie|uri)\b", log_format
    )


# ---- one source of truth ----


def test_both_files_agree(deployed: dict[str, Any], developed: dict[str, Any]) -> None:
    there, here = deployed["services"], developed["services"]
    for name in ("postgres", "redis"):
        assert there[name]["image"] == here[name]["image"]
        assert there[name]["healthcheck"] == here[name]["healthcheck"]
        assert there[name]["stop_signal"] == here[name]["stop_signal"]
    assert there["postgres"]["command"] == here["postgres"]["command"]
    for name in ("nginx", "migrate"):
        assert there[name]["command"] == here[name]["command"]
    assert there["nginx"]["build"] == here["nginx"]["build"]
    assert there["nginx"]["healthcheck"]["test"] == here["nginx"]["healthcheck"]["test"]
    assert there["backend"]["healthcheck"]["test"] == here["backend"]["healthcheck"]["test"]
    assert set(there["backend"]["environment"]) <= set(here["backend"]["environment"])
    assert there["nginx"]["environment"] == here["nginx"]["environment"] | {"FRONTEND": "frontend:3000"}


def test_the_commands_of_the_backend_differ_in_what_development_needs(
    deployed: dict[str, Any], developed: dict[str, Any]
) -> None:
    there, here = options(deployed["services"]["backend"]), options(developed["services"]["backend"])
    assert there - here == {
        ("--workers", "2"),
        ("--timeout-graceful-shutdown", "50"),
        ("--ws", "fusewire.serving:WebSocketProtocol"),
        ("--forwarded-allow-ips", "172.31.253.0/24"),
    }
    assert here - there == {
        ("--reload", ""),
        ("--reload-dir", "app/backend"),
        ("--reload-dir", "server/src"),
        ("--timeout-graceful-shutdown", "1"),
        # A reload does not wait for calls, as a drain would.
        ("--ws-per-message-deflate", "false"),
        ("--forwarded-allow-ips", "172.31.252.0/24"),
    }


def options(service: dict[str, Any]) -> set[tuple[str, str]]:
    words = [*service["command"], "--"]
    return {
        (word, "" if following.startswith("--") else following)
        for word, following in itertools.pairwise(words)
        if word.startswith("--")
    }


def test_the_images_own_command_is_the_same(deployed: dict[str, Any]) -> None:
    for name in ("nginx", "frontend"):
        service = deployed["services"][name]
        assert stage_of(service).command == service["command"], name
    service = deployed["services"]["backend"]
    own = stage_of(service).command
    # Without compose, these two come from the environment.
    for extra in ("--workers", "--forwarded-allow-ips"):
        at = service["command"].index(extra)
        del service["command"][at : at + 2]
    assert own == service["command"]


def test_services_work_where_their_image_has_its_files(deployed: dict[str, Any]) -> None:
    for name in OURS:
        service = deployed["services"][name]
        assert stage_of(service).last("WORKDIR") == service["working_dir"], name


def test_what_is_mounted_in_development_exists(developed: dict[str, Any]) -> None:
    for name, service in developed["services"].items():
        for volume in service.get("volumes", []):
            source, target, *_ = volume.split(":")
            if source.startswith("."):
                assert (ROOT / source).is_dir(), (name, source)
                # Where the image has it.
                assert target == f"/srv/{source.removeprefix('./')}", name


def stage_of(service: dict[str, Any]) -> Stage:
    found = stages(service["build"]["dockerfile"])
    wanted = service["build"].get("target")
    return next(stage for stage in found if wanted in (None, stage.name))
