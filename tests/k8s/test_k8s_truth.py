"""The manifests against the code: settings, ports, probes, routes, metrics, images."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import yaml
from pydantic import BaseModel
from pydantic_settings import BaseSettings
from speech.v1 import diarization_pb2, summarization_pb2, transcription_pb2

from edge import middleware
from edge.policy import metrics as policy_metrics
from edge.policy.settings import PolicySettings
from edge.routes import ROUTES
from edge.settings import EdgeSettings
from inference import metrics as inference_metrics
from inference.diarizing.settings import DiarizationSettings
from inference.settings import TranscriptionSettings
from rpc import telemetry
from rpc.health import LIVE
from rpc.settings import ServerSettings
from summarizer.settings import Settings as SummarizationSettings
from tests.manifests import OVERLAYS, ROOT, containers, environment, name, of_kind, ports, rendered, workloads
from weights.settings import WeightsSettings

pytestmark = [pytest.mark.system("kubectl"), pytest.mark.parametrize("overlay", OVERLAYS)]

READERS: dict[str, tuple[type[BaseSettings], ...]] = {
    "edge": (EdgeSettings, PolicySettings),
    "transcription": (TranscriptionSettings, WeightsSettings),
    "diarization": (DiarizationSettings, WeightsSettings),
    "summarization": (SummarizationSettings, WeightsSettings),
    "inference": (TranscriptionSettings, WeightsSettings),
    "summarizer": (SummarizationSettings, WeightsSettings),
}
"""Who reads the environment of a container, by the container's name."""
FOREIGN = {"HF_HUB_OFFLINE"}
"""Variables of libraries."""
SERVICES = {
    role: module.DESCRIPTOR.services_by_name[f"{role.capitalize()}Service"].full_name
    for role, module in (
        ("transcription", transcription_pb2),
        ("diarization", diarization_pb2),
        ("summarization", summarization_pb2),
    )
}
DEFINING_METRICS = (middleware, policy_metrics, inference_metrics, telemetry)
"""Modules whose import registers what the processes export."""


def known(settings: type[BaseSettings]) -> Iterator[str]:
    """Every name of the environment that a class of settings reads."""
    prefix = settings.model_config.get("env_prefix", "")
    for field, info in settings.model_fields.items():
        yield f"{prefix}{field}".upper()
        nested = info.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            for inner in nested.model_fields:
                yield f"{prefix}{field}__{inner}".upper()


def test_every_variable_is_a_setting(overlay: str) -> None:
    for workload in workloads(overlay):
        for container in containers(workload):
            if container["name"] in READERS:
                names = {each for settings in READERS[container["name"]] for each in known(settings)}
                assert set(environment(container)) <= names | FOREIGN


def test_every_value_is_one_that_the_settings_take(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for workload in of_kind(overlay, "Deployment"):
        [container] = containers(workload)
        with monkeypatch.context() as patch:
            for key, value in environment(container).items():
                patch.setenv(key, value)
            read = [settings() for settings in READERS[container["name"]]]
        first: Any = read[0]
        declared = ports(container)
        assert first.host == "0.0.0.0"
        assert first.port in declared.values()
        assert first.log_json is True
        if isinstance(first, ServerSettings):
            assert declared["grpc"] == first.port
            assert declared["metrics"] == first.metrics_port
            assert declared.get("probes") == first.probe_port


def test_probes_ask_for_names_and_paths_that_are_served(overlay: str) -> None:
    paths = {route.path for route in ROUTES if hasattr(route, "path")}
    for workload in of_kind(overlay, "Deployment"):
        [container] = containers(workload)
        probes = {kind: container[kind] for kind in ("startupProbe", "readinessProbe", "livenessProbe")}
        if name(workload) == "edge":
            assert {probe["httpGet"]["path"] for probe in probes.values()} <= paths
            assert {probe["httpGet"]["port"] for probe in probes.values()} == {"http"}
            continue
        # With TLS on, only the port for probes takes a caller without a certificate.
        port = ports(container)["probes" if "probes" in ports(container) else "grpc"]
        assert {probe["grpc"]["port"] for probe in probes.values()} == {port}
        asked = {kind: probe["grpc"]["service"] for kind, probe in probes.items()}
        service = SERVICES[name(workload)]
        assert asked == {"startupProbe": service, "readinessProbe": service, "livenessProbe": LIVE}


def test_routes_of_the_gateway_are_those_for_people(overlay: str) -> None:
    paths = {route.path for route in ROUTES if hasattr(route, "path")}
    for route in of_kind(overlay, "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for match in rule["matches"]:
                kind, value = match["path"]["type"], match["path"]["value"]
                assert kind == "Exact" or any(path.startswith(f"{value}/") for path in paths)
                assert value not in {"/metrics", "/livez", "/readyz"}


def exported() -> set[str]:
    """Every name of a time series that the processes export."""
    assert DEFINING_METRICS
    names = {"up"}  # Prometheus's own
    for family in prometheus_client.REGISTRY.collect():
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        names |= {family.name + end for end in ends}
    return names


_FUNCTIONS = {"absent", "by", "count", "histogram_quantile", "max", "rate", "scalar", "sum"}


def asked_for(expression: str) -> set[str]:
    """The metrics of an expression: its words that are no label, string, function or duration."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)", "", expression)
    return {word for word in re.findall(r"[a-z_][a-z0-9_]*", bare) if word not in _FUNCTIONS}


def expressions(overlay: str) -> Iterator[str]:
    for document in rendered(overlay):
        if document["kind"] == "PrometheusRule":
            for group in document["spec"]["groups"]:
                yield from (rule["expr"] for rule in group["rules"])
        if document["kind"] == "ScaledObject":
            yield from (trigger["metadata"]["query"] for trigger in document["spec"]["triggers"])
        if document["kind"] == "ConfigMap" and name(document) == "dashboard":
            for panel in json.loads(document["data"]["verbatim.json"])["panels"]:
                yield from (target["expr"] for target in panel["targets"])


def test_every_metric_that_is_asked_for_is_exported(overlay: str) -> None:
    found = list(expressions(overlay))
    assert bool(found) == (overlay == "production")
    for expression in found:
        metrics = asked_for(expression)
        assert metrics, expression
        assert metrics <= exported(), expression


def targets() -> dict[str, str]:
    """The targets of the Dockerfile, each with its text."""
    text = (ROOT / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    return {match[1]: stage for stage in stages if (match := re.match(r"\S+ AS (\S+)", stage))}


def test_every_image_is_a_target_that_starts_the_right_process(overlay: str) -> None:
    for workload in workloads(overlay):
        for container in containers(workload):
            image = container["image"].rsplit(":", 1)[0].rsplit("/", 1)[1]
            stage = targets()[image]
            assert "USER 10001:10001" in stage
            for port in ports(container).values():
                assert str(port) in stage or port >= 50061, f"{image} does not expose {port}"
            role = name(workload)
            if role in {"transcription", "diarization"}:
                assert f'CMD ["{role}"]' in stage


def test_every_file_of_a_patch_is_part_of_an_overlay(overlay: str) -> None:
    del overlay
    listed: set[Path] = set()
    for file in (ROOT / "k8s").rglob("kustomization.yaml"):
        content = yaml.safe_load(file.read_text())
        listed.add(file)
        listed |= {file.parent / entry for entry in content.get("resources", ())}
        listed |= {file.parent / patch["path"] for patch in content.get("patches", ()) if "path" in patch}
        for generator in content.get("configMapGenerator", ()):
            listed |= {file.parent / entry.split("=")[-1] for entry in generator["files"]}
    assert {file for file in (ROOT / "k8s").rglob("*") if file.is_file()} <= listed


def test_the_page_for_operators_names_what_is_there(overlay: str) -> None:
    del overlay
    page = (ROOT / "docs" / "operations.md").read_text()
    settings = {each for readers in READERS.values() for reader in readers for each in known(reader)}
    named = set(re.findall(r"`((?:EDGE|TRANSCRIPTION|DIARIZATION|SUMMARIZATION|WEIGHTS)_[A-Z_]*[A-Z])(?:=\w+)?`", page))
    assert named
    assert named <= settings
    rows = page[page.index("| metric |") : page.index("Alerts and a dashboard")]
    metrics = set(re.findall(r"`([a-z_]+)`", rows))
    assert metrics
    assert metrics <= {re.sub(r"_(bucket|count|sum)$", "", each) for each in exported()} | exported()
    for linked in re.findall(r"\]\(\.\./([^)#]+)\)", page):
        assert (ROOT / linked).exists(), linked
