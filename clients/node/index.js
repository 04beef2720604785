// A client of a Verbatim server: recordings, live audio, summaries. Node 20 or newer, no dependencies.
import { openAsBlob } from "node:fs";
import { basename } from "node:path";

// A refusal: `message` for people, `status` and `code` for programs, `requestId` for whoever reads the server's log.
export class VerbatimError extends Error {
  constructor(status, body, retryAfter) {
    super(body.error ?? `status ${status}`);
    this.status = status;
    this.code = body.code ?? "";
    this.requestId = body.request_id ?? "";
    this.retryAfter = retryAfter === null || retryAfter === undefined ? undefined : Number(retryAfter);
  }
}

async function checked(response) {
  if (response.ok) return response;
  const text = await response.text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    body = { error: text };
  }
  throw new VerbatimError(response.status, body, response.headers.get("Retry-After"));
}

export class Client {
  constructor(url = "http://127.0.0.1:8080", { key = "", WebSocket = globalThis.WebSocket } = {}) {
    this.url = url.replace(/\/+$/, "");
    this.key = key;
    this.WebSocket = WebSocket;
  }

  // An object for json, text for the other formats.
  async transcribe(path, options = {}) {
    const response = await this.#post(path, options, {});
    const isJson = ["json", "verbose_json"].includes(options.response_format ?? "json");
    return isJson ? response.json() : response.text();
  }

  // The same while it goes on: `segment` and `progress` events, `result` last.
  async *follow(path, options = {}) {
    const response = await this.#post(path, options, { Accept: "text/event-stream" });
    let rest = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const [event, data] = block.split("\n").map((line) => line.slice(line.indexOf(": ") + 2));
        const body = JSON.parse(data);
        if (event === "error") throw new VerbatimError(503, body);
        yield [event, body];
      }
    }
  }

  async summarize(text, { style = "brief", language = "" } = {}) {
    const body = JSON.stringify({ text, style, language });
    const headers = { "Content-Type": "application/json" };
    return (await this.#fetch("/v1/summarize", { method: "POST", body, headers })).json();
  }

  async models() {
    return (await (await this.#fetch("/v1/models")).json()).models;
  }

  async languages() {
    return (await (await this.#fetch("/v1/languages")).json()).languages;
  }

  // A degraded server tells so in `status`.
  async health() {
    return (await fetch(`${this.url}/health`)).json();
  }

  // Resolves once the server takes audio. `react` gets every message.
  stream(options = {}, react = () => {}) {
    const url = `${this.url.replace(/^http/, "ws")}/v1/stream`;
    const socket = new this.WebSocket(url, this.key ? ["bearer", this.key] : []);
    const segments = [];
    let failure = null;
    const closed = new Promise((resolve) => {
      socket.onclose = ({ code }) => resolve(code);
    });
    return new Promise((resolve, reject) => {
      const end = async () => {
        const code = await closed;
        if (failure) throw failure;
        if (code !== 1000) throw new VerbatimError(0, { error: `the stream was closed with ${code}` });
        return segments.map(({ text }) => text).join(" ");
      };
      socket.onopen = () => socket.send(JSON.stringify(options));
      socket.onerror = () => reject(failure ?? new VerbatimError(0, { error: `no stream at ${url}` }));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.error) failure = new VerbatimError(0, message, message.retry_after);
        if (message.text) segments.push(message);
        if (message.status === "ready") {
          resolve({
            segments,
            send: (pcm) => socket.send(pcm),
            finish: () => {
              socket.send(JSON.stringify({ action: "stop" }));
              return end();
            },
            close: () => socket.close(),
          });
        }
        react(message);
      };
      closed.then(() => failure && reject(failure));
    });
  }

  async #post(path, options, headers) {
    const form = new FormData();
    for (const [name, value] of Object.entries(options)) form.append(name, String(value));
    form.append("file", await openAsBlob(path), basename(path));
    return this.#fetch("/v1/transcribe", { method: "POST", body: form, headers });
  }

  async #fetch(path, request = {}) {
    const key = this.key ? { Authorization: `Bearer ${this.key}` } : {};
    return checked(await fetch(this.url + path, { ...request, headers: { ...key, ...request.headers } }));
  }
}
