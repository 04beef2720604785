"""The vendor's SDK against every route of the contract; prints one JSON object."""

# ruff: noqa: T201 - as documented

import json
import sys

from sttai import STTClient
from sttai.exceptions import STTError

base_url, path = sys.argv[1:]
client = STTClient("YOUR_API_KEY", base_url=base_url)
answers = {
    "transcribe": client.transcribe(path, response_format="verbose_json"),
    "summarize": client.summarize("Speaker 1: hello", style="bullets"),
    "models": [(model["id"], model["description"]) for model in client.models()["models"]],
    "languages": len(client.languages()["languages"]),
    "health": client.health()["status"],
}
try:
    client.transcribe(path, model="huge")
except STTError as error:
    answers["error"] = error.message
print(json.dumps(answers))
