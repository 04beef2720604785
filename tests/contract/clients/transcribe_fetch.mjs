// Node 20's own fetch and FormData, the file as a blob.
import { openAsBlob } from "node:fs";

const [baseUrl, path] = process.argv.slice(2);
const form = new FormData();
form.append("file", await openAsBlob(path), "meeting.wav");
form.append("model", "large-v3-turbo");
form.append("response_format", "json");

const response = await fetch(`${baseUrl}/v1/transcribe`, {
  method: "POST",
  headers: { Authorization: "Bearer YOUR_API_KEY" },
  body: form,
});
console.log(JSON.stringify(await response.json()));
