"""The vendor's SDK streams PCM through its own dialect; prints the result and how many messages came before."""

# ruff: noqa: PTH123, T201 - as documented

import json
import sys

from sttai import STTClient

base_url, path, language = sys.argv[1:]
heard = []
session = STTClient("YOUR_API_KEY", base_url=base_url).stream(
    lambda data: heard.append(data["text"]), language=language
)
with open(path, "rb") as file:
    while chunk := file.read(4096):
        session.send(chunk)
result = session.finish()
print(json.dumps({"result": result, "heard": heard}))
