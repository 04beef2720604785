"""A kubelet in miniature: runs the pods of a rendered overlay on this machine, as their manifests say.

The command is the image's, the environment and the probes are the manifest's. Where bubblewrap works, the root is
read-only, the user is the pod's, and only what is mounted can be written; elsewhere the mounts become folders.
Ports are free ones of this machine, and the names of Services lead to them.
"""

import asyncio
import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import aiohttp
import grpc.aio
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.house import free_port
from tests.manifests import ROOT, Document, containers, environment, name, ports, template

USER = "10001"


@functools.cache
def confined() -> bool:
    """Whether bubblewrap may make a user of its own here."""
    if shutil.which("bwrap") is None:
        return False
    command = ["bwrap", "--unshare-user", "--uid", USER, "--gid", USER, "--unshare-ipc", "--ro-bind", "/", "/"]
    command += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "true"]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


def command_of(image: str) -> list[str]:
    """The entry point and default arguments of a target of the Dockerfile."""
    target = image.rsplit(":", 1)[0].rsplit("/", 1)[1]
    text = (ROOT / "Dockerfile").read_text()
    [stage] = re.findall(rf"^FROM \S+ AS {target}\n((?:(?!^FROM ).*\n)*)", text, flags=re.MULTILINE)
    words = [json.loads(each) for each in re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])$", stage, flags=re.MULTILINE)]
    return [sys.executable if word == "python" else str(word) for part in words for word in part]


class Pod:
    """One running container of a Deployment."""

    def __init__(
        self, workload: Document, folder: Path, *, changes: Mapping[str, str], secrets: Mapping[str, Mapping[str, str]]
    ) -> None:
        [self._container] = containers(workload)
        self.name = name(workload)
        self._ports = {declared: free_port() for declared in ports(self._container).values()}
        self._folder = folder
        self._mounts = dict(self._mounted(template(workload)["spec"]["volumes"], secrets))
        self._environment = {"PATH": os.environ["PATH"], "HOME": "/tmp"}
        for key, value in {**environment(self._container), **changes}.items():
            here = self._ports.get(int(value)) if key.endswith("PORT") and value.isdecimal() else None
            self._environment[key] = value if here is None else str(here)
        self._process: asyncio.subprocess.Process | None = None

    def port(self, declared: str) -> int:
        """The port of this machine that stands for a named one of the container."""
        return self._ports[ports(self._container)[declared]]

    def lead(self, services: Mapping[str, "Pod"]) -> None:
        """Makes the names of Services in the environment lead to the ports of this machine."""
        for key, value in self._environment.items():
            match = re.fullmatch(r"dns:///(\w+):(\d+)", value)
            if match:
                self._environment[key] = f"dns:///localhost:{services[match[1]]._ports[int(match[2])]}"

    async def start(self) -> None:
        arguments = [str(each) for each in self._container.get("args", ())]
        command = command_of(self._container["image"])
        command = [*command[:3], *arguments] if arguments else command
        if confined():
            command = [*self._confinement(), *command]
        else:
            for key, value in self._environment.items():
                for path, (place, _) in self._mounts.items():
                    if value == path or value.startswith(f"{path}/"):
                        self._environment[key] = f"{place}{value.removeprefix(path)}"
        with (self._folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, env=self._environment, cwd=self._folder, stdout=log, stderr=log
            )

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    async def wait(self, probe: str) -> None:
        """Waits until a probe succeeds; a process that has ended fails at once."""
        assert self._process is not None
        async with asyncio.timeout(150):
            while not await self.probe(probe):
                assert self._process.returncode is None, self.log()
                await asyncio.sleep(0.1)

    async def probe(self, kind: str) -> bool:
        """Does what the kubelet does for a probe of this kind."""
        probe = self._container[kind]
        if "httpGet" in probe:
            url = f"http://127.0.0.1:{self.port(probe['httpGet']['port'])}{probe['httpGet']['path']}"
            with contextlib.suppress(aiohttp.ClientError):
                async with aiohttp.ClientSession() as web, web.get(url) as answer:
                    return answer.status < 400
            return False
        address = f"127.0.0.1:{self._ports[probe['grpc']['port']]}"
        async with grpc.aio.insecure_channel(address) as channel:
            request = health_pb2.HealthCheckRequest(service=probe["grpc"]["service"])
            try:
                answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=30)
            except grpc.aio.AioRpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def terminate(self) -> None:
        """Asks it to end, as at the deletion of a pod."""
        assert self._process is not None
        running = psutil.Process(self._process.pid)
        inside = running.children() if confined() else [running]
        for process in inside:
            process.send_signal(signal.SIGTERM)

    async def code(self) -> int:
        assert self._process is not None
        async with asyncio.timeout(90):
            return await self._process.wait()

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            family = psutil.Process(self._process.pid)
            for process in (*family.children(recursive=True), family):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            await self._process.wait()

    def _mounted(
        self, volumes: list[Document], secrets: Mapping[str, Mapping[str, str]]
    ) -> Iterator[tuple[str, tuple[Path, bool]]]:
        sources = {each["name"]: each.get("secret", {}).get("secretName") for each in volumes}
        for each in self._container["volumeMounts"]:
            place = self._folder / each["name"]
            place.mkdir(exist_ok=True)
            if (secret := sources[each["name"]]) is not None:
                for file, content in secrets[secret].items():
                    (place / file).write_text(content)
            yield each["mountPath"], (place, bool(each.get("readOnly")))

    def _confinement(self) -> list[str]:
        """The file system of the pod: this machine's, read-only, with the mounts of the manifest over it."""
        command = ["bwrap", "--unshare-user", "--uid", USER, "--gid", USER, "--unshare-ipc", "--die-with-parent"]
        command += ["--tmpfs", "/"]
        hidden = {"/dev", "/proc", "/tmp", *self._mounts}
        for place in sorted(Path("/").iterdir()):
            if str(place) in hidden:
                continue
            if place.is_symlink():
                command += ["--symlink", str(place.readlink()), str(place)]
            elif place.is_dir():
                command += ["--ro-bind", str(place), str(place)]
        command += ["--dev", "/dev", "--proc", "/proc"]
        for path, (place, read_only) in sorted(self._mounts.items()):
            command += ["--ro-bind" if read_only else "--bind", str(place), path]
        for needed in {str(ROOT), sys.prefix, sys.base_prefix}:
            if needed.startswith("/tmp/"):
                command += ["--ro-bind", needed, needed]
        return [*command, "--remount-ro", "/", "--chdir", "/tmp", "--"]


@contextlib.asynccontextmanager
async def running_pods(
    workloads: list[Document],
    folder: Path,
    *,
    changes: Mapping[str, Mapping[str, str]],
    secrets: Mapping[str, Mapping[str, str]],
) -> AsyncIterator[dict[str, Pod]]:
    """Starts a pod of each workload; `changes` are variables by its name, `secrets` files by the secret's name."""
    pods: dict[str, Pod] = {}
    for workload in workloads:
        place = folder / name(workload)
        place.mkdir()
        pods[name(workload)] = Pod(workload, place, changes=changes.get(name(workload), {}), secrets=secrets)
    try:
        for pod in pods.values():
            pod.lead(pods)
            await pod.start()
        yield pods
    finally:
        for pod in pods.values():
            await pod.kill()
