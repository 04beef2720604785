// The documented browser code: microphone, 4096-sample Int16 frames, text and partial; `stopStream` ends it.
async function startStream(url) {
  const seen = { finals: [], partials: [], last: null, code: null };
  const ws = new WebSocket(url);
  ws.onopen = () => ws.send(JSON.stringify({ language: "en", model: "large-v3-turbo" }));
  ws.onmessage = (event) => {
    const data = JSON.parse(event.data);
    if (data.status === "ready") startRecording();
    if (data.text) seen.finals.push(data.text);
    if (data.partial) seen.partials.push(data.partial);
    if (data.is_final) seen.last = data;
  };
  ws.onclose = (event) => { seen.code = event.code; };

  async function startRecording() {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const context = new AudioContext({ sampleRate: 16000 });
    const source = context.createMediaStreamSource(stream);
    const processor = context.createScriptProcessor(4096, 1, 1);
    processor.onaudioprocess = (event) => {
      const input = event.inputBuffer.getChannelData(0);
      const pcm = new Int16Array(input.length);
      for (let i = 0; i < input.length; i++) pcm[i] = Math.max(-1, Math.min(1, input[i])) * 32767;
      if (ws.readyState === WebSocket.OPEN) ws.send(pcm.buffer);
    };
    source.connect(processor);
    processor.connect(context.destination);
  }

  window.seen = seen;
  window.stopStream = () => ws.send(JSON.stringify({ action: "stop" }));
}
