// The console: one page that speaks the public API and nothing else.
import { listen } from "/console/live.js";
import { Transcript } from "/console/transcript.js";

const at = (id) => document.getElementById(id);
const transcript = new Transcript(at("transcript"));
let stop = null;

at("key").value = localStorage.getItem("key") ?? "";
at("key").onchange = () => localStorage.setItem("key", at("key").value);

const headers = () => (at("key").value ? { Authorization: `Bearer ${at("key").value}` } : {});

function say(text, bad = false) {
  at("state").textContent = text;
  at("state").classList.toggle("bad", bad);
}

function refresh() {
  for (const id of ["srt", "text", "summarize"]) at(id).disabled = transcript.segments.length === 0;
}

async function answer(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return body;
}

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    say(error.message, true);
  }
}

// The events of an answer that is told while it goes on.
async function* events(response) {
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const [event, data] = block.split("\n");
      yield [event.slice("event: ".length), JSON.parse(data.slice("data: ".length))];
    }
  }
}

async function told(path, request, react) {
  const response = await fetch(path, { method: "POST", ...request, headers: { ...headers(), ...request.headers, Accept: "text/event-stream" } });
  if (!response.ok) return answer(response);
  for await (const [event, data] of events(response)) {
    if (event === "error") throw new Error(data.error);
    react(event, data);
  }
}

async function post(file) {
  transcript.clear();
  say(`Sending ${file.name}`);
  const form = new FormData();
  form.append("model", at("model").value);
  form.append("language", at("language").value);
  if (!at("diarize").checked) form.append("diarize", "false");
  form.append("file", file);
  await told("/v1/transcribe", { body: form }, (event, data) => {
    if (event === "segment") transcript.add(data);
    if (event === "progress") at("seconds").textContent = `${data.processed.toFixed(0)} s done`;
    if (event === "result") {
      transcript.clear();
      for (const segment of data.segments) transcript.add(segment);
      say(`${data.duration} s by ${data.model}, language ${data.language || "none"}${data.diarization ? ", without speakers" : ""}`);
    }
  });
}

async function speak() {
  if (stop) {
    say("Finishing");
    stop();
    return;
  }
  transcript.clear();
  const config = { model: at("model").value, language: at("language").value, diarize: at("diarize").checked };
  let failed = false;
  stop = await listen(config, at("key").value, {
    final: (message) => { transcript.add(message); refresh(); },
    corrected: (row) => transcript.correct(row),
    partial: (text) => { at("partial").textContent = text; },
    seconds: (value) => { at("seconds").textContent = `${value.toFixed(0)} s`; },
    latency: (value) => { at("latency").textContent = `${Math.max(0, value).toFixed(1)} s behind`; },
    failed: (text) => { failed = true; say(text, true); },
    closed: () => {
      stop = null;
      at("microphone").textContent = "Start microphone";
      at("microphone").classList.remove("on");
      if (!failed) say("Done");
    },
  });
  say("Listening");
  at("microphone").textContent = "Stop";
  at("microphone").classList.add("on");
}

async function summarize() {
  at("summary").hidden = false;
  at("summary").textContent = "";
  const body = JSON.stringify({ text: transcript.text, style: at("style").value });
  await told("/v1/summarize", { body, headers: { "Content-Type": "application/json" } }, (event, data) => {
    if (event === "delta") at("summary").textContent += data.text;
    if (event === "result") at("summary").textContent = data.summary;
  });
}

async function signUp() {
  const body = await answer(await fetch("/v1/account", { method: "POST", body: "{}" }));
  at("key").value = body.key.key;
  localStorage.setItem("key", body.key.key);
  at("newkey").hidden = false;
  at("newkey").textContent = `Your key, shown this once: ${body.key.key}`;
}

async function usage() {
  const body = await answer(await fetch("/v1/account", { headers: headers() }));
  at("left").textContent = `${body.tier}: ${body.left.map(({ remaining, unit }) => `${remaining} ${unit} left`).join(", ")}`;
  const most = Math.max(1, ...body.usage.map(({ minutes }) => minutes));
  at("chart").replaceChildren(...body.usage.map(({ day, minutes }) => {
    const bar = document.createElement("div");
    bar.style.height = `${(100 * minutes) / most}%`;
    bar.title = `${day}: ${minutes} min`;
    return bar;
  }));
}

function download(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

at("microphone").onclick = () => guarded(speak);
at("file").onchange = ({ target }) => guarded(async () => { if (target.files[0]) await post(target.files[0]); target.value = ""; refresh(); });
at("summarize").onclick = () => guarded(summarize);
at("signup").onclick = () => guarded(signUp);
at("usage").onclick = () => guarded(usage);
at("srt").onclick = () => download(transcript.srt, "transcript.srt");
at("text").onclick = () => download(transcript.text, "transcript.txt");

guarded(async () => {
  const [{ models }, { languages }] = await Promise.all(["models", "languages"].map(async (name) => answer(await fetch(`/v1/${name}`))));
  at("model").append(...models.map(({ id, name }) => new Option(name, id)));
  at("language").append(...languages.map(({ code, name }) => new Option(name, code)));
});
