"""The documented call with requests: options first, the file last."""

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
