// The form-data and node-fetch packages: a chunked body without a Content-Length.
const fs = require("fs");
const FormData = require("form-data");
const fetch = require("node-fetch");

async function main(baseUrl, path) {
  const form = new FormData();
  form.append("file", fs.createReadStream(path));
  form.append("model", "large-v3-turbo");
  form.append("language", "en");
  form.append("diarize", "true");

  const response = await fetch(`${baseUrl}/v1/transcribe`, {
    method: "POST",
    headers: { Authorization: "Bearer YOUR_API_KEY", ...form.getHeaders() },
    body: form,
  });
  console.log(JSON.stringify(await response.json()));
}

main(process.argv[2], process.argv[3]);
