// A live stream: the microphone up, captions down.

const WORKLET = "/console/microphone.js";

export async function listen(config, key, on) {
  const media = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true } });
  let audio = new AudioContext();
  if (audio.sampleRate > 48000) {
    await audio.close();
    audio = new AudioContext({ sampleRate: 48000 });
  }
  await audio.audioWorklet.addModule(WORKLET);
  const source = audio.createMediaStreamSource(media);
  const microphone = new AudioWorkletNode(audio, "microphone", { numberOfOutputs: 0 });
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/stream`;
  const socket = new WebSocket(url, key ? ["bearer", key] : []);
  let sent = 0;

  microphone.port.onmessage = ({ data }) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(data);
    sent += data.byteLength / 2 / audio.sampleRate;
    on.seconds(sent);
  };
  socket.onopen = () => socket.send(JSON.stringify({ ...config, sample_rate: audio.sampleRate }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.status === "ready") source.connect(microphone);
    if (message.error) on.failed(message.error);
    if (message.text) on.final(message);
    if (message.end && (message.text || message.partial)) on.latency(sent - message.end);
    for (const row of message.corrections ?? []) on.corrected(row);
    on.partial(message.partial);
  };
  const release = () => {
    source.disconnect();
    for (const track of media.getTracks()) track.stop();
    if (audio.state !== "closed") audio.close();
  };
  socket.onclose = () => {
    release();
    on.closed();
  };
  return () => {
    release();
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ action: "stop" }));
    else socket.close();
  };
}
