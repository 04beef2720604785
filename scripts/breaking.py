"""Compare the protos with the last release, or the first commit: what clients rely on must stay."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def git(*arguments: str) -> str:
    """Return what a git command prints, or nothing if it fails."""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def main() -> None:
    """Run `buf breaking` against the last release tag; without one there is nothing to hold to."""
    tag = git("describe", "--tags", "--abbrev=0", "--match", "v*")
    if not tag:
        print("protos: no release yet, nothing to compare with")
        return
    buf = Path(sys.executable).parent / "buf"
    sys.exit(subprocess.run([str(buf), "breaking", "--against", f".git#tag={tag}"], cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
