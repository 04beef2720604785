"""The manifests among themselves: schemas, selectors, ports, security, times."""

from typing import Any

import pytest

from tests.manifests import (
    OVERLAYS,
    ROLES,
    containers,
    environment,
    name,
    of_kind,
    pods,
    ports,
    rendered,
    selects,
    template,
    workloads,
)

pytestmark = [pytest.mark.system("kubectl"), pytest.mark.parametrize("overlay", OVERLAYS)]

KUBERNETES = ("1.30", "1.33")
CUSTOM = {"HTTPRoute", "PodMonitor", "PrometheusRule", "ScaledObject"}


def test_every_document_is_valid(overlay: str) -> None:
    validator = pytest.importorskip("kubernetes_validate", reason="SYSTEM TOOL MISSING: kubernetes-validate")
    unchecked: set[str] = set()
    for document in rendered(overlay):
        if document["kind"] in CUSTOM:
            unchecked.add(document["kind"])
            continue
        for version in KUBERNETES:
            validator.validate(document, version, strict=True)
    assert unchecked == (CUSTOM if overlay == "production" else set())


def test_there_is_a_deployment_and_a_service_for_each_role(overlay: str) -> None:
    for kind in ("Deployment", "Service", "PodDisruptionBudget"):
        assert {name(each) for each in of_kind(overlay, kind)} == set(ROLES), kind


def test_workloads_select_their_own_pods(overlay: str) -> None:
    for workload, labels in pods(overlay):
        if workload["kind"] != "Job":
            assert selects(workload["spec"]["selector"], labels)
            others = [other for other, foreign in pods(overlay) if selects(workload["spec"]["selector"], foreign)]
            assert others == [workload]


def test_services_lead_to_a_port_of_a_pod(overlay: str) -> None:
    for service in of_kind(overlay, "Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        [target] = [workload for workload, labels in pods(overlay) if selects(selector, labels)]
        assert name(target) == name(service)
        [container] = containers(target)
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports(container)
            if name(service) != "edge":
                # Without a cluster address clients use the pod's own port.
                assert service["spec"]["clusterIP"] == "None"
                assert port["port"] == ports(container)[port["targetPort"]]


def test_the_edge_is_told_where_the_services_are(overlay: str) -> None:
    [edge] = [each for each in workloads(overlay) if name(each) == "edge"]
    told = environment(containers(edge)[0])
    for service in of_kind(overlay, "Service"):
        if name(service) != "edge":
            port = service["spec"]["ports"][0]["port"]
            assert told[f"EDGE_{name(service).upper()}_ADDRESSES"] == f"dns:///{name(service)}:{port}"


def test_policies_speak_of_pods_and_ports_that_are_there(overlay: str) -> None:
    everything = list(pods(overlay))
    for policy in of_kind(overlay, "NetworkPolicy"):
        taken = [workload for workload, labels in everything if selects(policy["spec"]["podSelector"], labels)]
        assert taken, name(policy)
        named = {port for workload in taken for container in containers(workload) for port in ports(container)}
        for rule in policy["spec"].get("ingress", ()):
            for port in rule.get("ports", ()):
                assert port["port"] in named, name(policy)
        peers: list[Any] = [
            peer
            for rule in (*policy["spec"].get("ingress", ()), *policy["spec"].get("egress", ()))
            for peer in (*rule.get("from", ()), *rule.get("to", ()))
        ]
        for peer in peers:
            if "podSelector" in peer:
                assert any(selects(peer["podSelector"], labels) for _, labels in everything), name(policy)


def test_what_is_not_allowed_is_denied(overlay: str) -> None:
    [deny] = [each for each in of_kind(overlay, "NetworkPolicy") if name(each) == "default-deny"]
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    # The services ask nobody but for names: no policy but those for everybody gives them a way out.
    for policy in of_kind(overlay, "NetworkPolicy"):
        if policy["spec"].get("egress") and name(policy) != "names":
            for workload, labels in pods(overlay):
                if name(workload) in {"transcription", "diarization", "summarization"}:
                    assert not selects(policy["spec"]["podSelector"], labels), name(policy)


def test_pods_are_as_closed_as_can_be(overlay: str) -> None:
    for workload in workloads(overlay):
        spec = template(workload)["spec"]
        assert spec["automountServiceAccountToken"] is False
        # Links put TRANSCRIPTION_PORT=tcp://... into the environment, where the settings look for a number.
        assert spec["enableServiceLinks"] is False
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == security["runAsGroup"] == 10001
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(workload):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_volumes_are_mounted_where_they_are_written(overlay: str) -> None:
    for workload in workloads(overlay):
        volumes = {each["name"]: each for each in template(workload)["spec"].get("volumes", ())}
        mounted: set[str] = set()
        for container in containers(workload):
            paths = {each["mountPath"]: each for each in container["volumeMounts"]}
            mounted |= {each["name"] for each in container["volumeMounts"]}
            assert "/tmp" in paths
            for variable, value in environment(container).items():
                if variable.endswith("_FOLDER"):
                    assert value in paths, f"{variable}={value} is on the read-only root"
            if "/weights" in paths:
                assert bool(paths["/weights"].get("readOnly")) == (workload["kind"] != "Job")
        assert mounted == set(volumes)
        claims = {
            each["persistentVolumeClaim"]["claimName"] for each in volumes.values() if "persistentVolumeClaim" in each
        }
        assert claims <= {name(each) for each in of_kind(overlay, "PersistentVolumeClaim")}


def test_pods_are_given_the_time_that_a_drain_takes(overlay: str) -> None:
    for workload in of_kind(overlay, "Deployment"):
        [container] = containers(workload)
        values = environment(container)
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        waits = [
            float(value) for key, value in values.items() if key.endswith(("DRAIN_NOTICE_SECONDS", "DRAIN_SECONDS"))
        ]
        waits += [float(value) for key, value in values.items() if key.endswith("SHUTDOWN_SECONDS")]
        assert waits
        assert template(workload)["spec"]["terminationGracePeriodSeconds"] >= pause + sum(waits) + 10


def test_every_probe_is_there(overlay: str) -> None:
    for workload in of_kind(overlay, "Deployment"):
        [container] = containers(workload)
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


def test_scalers_and_routes_lead_somewhere(overlay: str) -> None:
    deployments = {name(each): each for each in of_kind(overlay, "Deployment")}
    for scaler in of_kind(overlay, "ScaledObject"):
        target = scaler["spec"]["scaleTargetRef"]["name"]
        assert "replicas" not in deployments[target]["spec"], "two owners of one number"
        assert scaler["spec"]["fallback"]["replicas"] >= scaler["spec"]["minReplicaCount"] >= 1
    services = {name(each): each for each in of_kind(overlay, "Service")}
    for route in of_kind(overlay, "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                assert backend["port"] in {port["port"] for port in services[backend["name"]]["spec"]["ports"]}


def test_gpus_are_for_those_who_use_them(overlay: str) -> None:
    for workload in workloads(overlay):
        spec = template(workload)["spec"]
        [*using] = [each for each in containers(workload) if "nvidia.com/gpu" in each["resources"]["limits"]]
        assert bool(using) == (overlay == "production" and name(workload) in ROLES[1:])
        if using:
            assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in spec["tolerations"]
            assert workload["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
