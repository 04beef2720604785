// The documented sample as people run it on Node 20: the form-data package with the built-in fetch.
const fs = require("fs");
const FormData = require("form-data");

async function main(baseUrl, path) {
  const form = new FormData();
  form.append("file", fs.createReadStream(path));
  const response = await fetch(`${baseUrl}/v1/transcribe`, {
    method: "POST",
    headers: { Authorization: "Bearer YOUR_API_KEY" },
    body: form,
  });
  console.log(JSON.stringify({ status: response.status, ...(await response.json()) }));
  process.exit(0);
}

main(process.argv[2], process.argv[3]);
