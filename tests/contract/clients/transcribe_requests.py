"""The documented call with requests: options first, the file last."""

# ruff: noqa: PTH123, SIM115, T201 - as documented

import sys

import requests

base_url, path = sys.argv[1:]
response = requests.post(
    f"{base_url}/v1/transcribe",
    headers={"Authorization": "Bearer YOUR_API_KEY"},
    files={"file": open(path, "rb")},
    data={"model": "large-v3-turbo", "language": "auto", "diarize": "true", "response_format": "json"},
)
print(response.text)
