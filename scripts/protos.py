"""Generate the code beside the protos, or check that it is what the protos say."""

import argparse
import filecmp
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROTOS = ROOT / "protos"
HOME = Path("speech/v1")


def generate(into: Path) -> None:
    """Write modules, stubs and types of every proto below `into`."""
    outputs = [f"--{kind}_out={into}" for kind in ("python", "mypy", "grpc_python", "mypy_grpc")]
    sources = sorted(str(path) for path in (PROTOS / HOME).glob("*.proto"))
    # protoc finds its plugins on the path; the environment's own come first.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", *outputs, *sources]
    subprocess.run(command, check=True, env={**os.environ, "PATH": path}, stderr=subprocess.DEVNULL)


def main() -> None:
    """Generate in place; with `--check`, exit with 1 where the code in place differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        generate(PROTOS)
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = {path.name for path in (Path(folder) / HOME).iterdir()}
        kept = {path.name for path in (PROTOS / HOME).iterdir() if "_pb2" in path.name}
        _, different, missing = filecmp.cmpfiles(Path(folder) / HOME, PROTOS / HOME, fresh, shallow=False)
    stale = sorted({*different, *missing, *(kept - fresh)})
    if stale:
        sys.exit(f"generated code is not what the protos say, run `make protos`: {', '.join(stale)}")


if __name__ == "__main__":
    main()
