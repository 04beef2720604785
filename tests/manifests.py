"""The manifests of an overlay as `kubectl kustomize` renders them, and what stands in them."""

import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
OVERLAYS = ("single-node", "production")
ROLES = ("edge", "transcription", "diarization", "summarization")

Document = dict[str, Any]


@functools.cache
def rendered(overlay: str) -> tuple[Document, ...]:
    """Renders an overlay as its users apply it."""
    done = subprocess.run(
        ["kubectl", "kustomize", str(ROOT / "k8s" / "overlays" / overlay)],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> list[Document]:
    return [each for each in rendered(overlay) if each["kind"] in kinds]


def name(document: Document) -> str:
    return str(document["metadata"]["name"])


def workloads(overlay: str) -> list[Document]:
    """Everything that makes pods."""
    return of_kind(overlay, "Deployment", "StatefulSet", "Job")


def template(workload: Document) -> Document:
    found: Document = workload["spec"]["template"]
    return found


def containers(workload: Document) -> list[Document]:
    spec = template(workload)["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def environment(container: Document) -> dict[str, str]:
    """The variables with a value of their own; those of secrets have a stand-in."""
    return {each["name"]: each.get("value", f"secret-{'x' * 40}") for each in container.get("env", ())}


def ports(container: Document) -> dict[str, int]:
    return {each["name"]: each["containerPort"] for each in container.get("ports", ())}


def selects(selector: Document, labels: Document) -> bool:
    """Whether a label selector takes a pod."""
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    listed = all(
        each["operator"] == "In" and labels.get(each["key"]) in each["values"]
        for each in selector.get("matchExpressions", ())
    )
    return exact and listed


def pods(overlay: str) -> Iterator[tuple[Document, Document]]:
    """Every workload with the labels of its pods."""
    for workload in workloads(overlay):
        yield workload, template(workload)["metadata"]["labels"]
