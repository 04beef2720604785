// Our own Node SDK, every method; prints one JSON object.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { Client } from "../../../clients/node/index.js";

const require = createRequire(import.meta.url);
const [url, recording, audio] = process.argv.slice(2);
const WebSocket = globalThis.WebSocket ?? require(`${process.env.NODE_PATH}/ws`);
const client = new Client(url, { key: "YOUR_API_KEY", WebSocket });
const events = [];
for await (const [event] of client.follow(recording)) events.push(event);
let partials = 0;
const stream = await client.stream({ language: "en" }, ({ partial }) => (partials += Boolean(partial)));
const pcm = readFileSync(audio);
for (let i = 0; i < pcm.length; i += 8192) stream.send(pcm.subarray(i, i + 8192));
const streamed = await stream.finish();
const error = await client.transcribe(recording, { model: "huge" }).catch(({ status, code }) => ({ status, code }));
const refused = await client.stream({ model: "huge" }).catch(({ code }) => code);
console.log(
  JSON.stringify({
    transcript: await client.transcribe(recording, { language: "en" }),
    srt: await client.transcribe(recording, { response_format: "srt" }),
    events,
    streamed,
    partials,
    summary: await client.summarize("hello"),
    models: (await client.models()).length,
    languages: (await client.languages()).length,
    health: (await client.health()).status,
    error,
    refused,
  }),
);
