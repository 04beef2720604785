"""Certificates for the name `verbatim`, made by openssl."""

import subprocess
from pathlib import Path


def authority(folder: Path, name: str) -> Path:
    certificate = folder / f"{name}.pem"
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
        *("-subj", f"/CN={name}", "-keyout", str(folder / f"{name}.key"), "-out", str(certificate)),
    )
    return certificate


def signed(folder: Path, name: str, *, by: str) -> tuple[Path, Path]:
    """Makes a certificate for the name `verbatim`; gives it and its key."""
    request, certificate, key = (folder / f"{name}.{end}" for end in ("csr", "crt", "key"))
    extensions = folder / f"{name}.ext"
    extensions.write_text("subjectAltName=DNS:verbatim\n")
    _openssl(
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request)),
    )
    _openssl(
        *("x509", "-req", "-days", "2", "-CA", str(folder / f"{by}.pem"), "-CAkey", str(folder / f"{by}.key")),
        *("-CAcreateserial", "-extfile", str(extensions), "-in", str(request), "-out", str(certificate)),
    )
    return certificate, key


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)
