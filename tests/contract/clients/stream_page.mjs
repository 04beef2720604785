// The documented browser code, fed from a file instead of a microphone: config, ready, Int16 frames of 4096 samples, stop.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const [url, path] = process.argv.slice(2);
const WebSocket = globalThis.WebSocket ?? require(`${process.env.NODE_PATH}/ws`);
const audio = readFileSync(path);
let transcript = "";
let partials = 0;

const ws = new WebSocket(url);
ws.onopen = () => ws.send(JSON.stringify({ language: "en", model: "large-v3-turbo" }));
ws.onmessage = (event) => {
  const data = JSON.parse(event.data);
  if (data.status === "ready") {
    for (let i = 0; i < audio.length; i += 8192) ws.send(audio.subarray(i, i + 8192));
    ws.send(JSON.stringify({ action: "stop" }));
  }
  if (data.text) transcript += data.text + " ";
  if (data.partial) partials += 1;
};
ws.onclose = (event) => console.log(JSON.stringify({ transcript: transcript.trim(), partials, code: event.code }));
