// What was said so far, on the screen and as files.

const clock = (seconds, point) => {
  const whole = Math.round(seconds * 1000);
  const part = (size, divisor) => String(Math.floor(whole / divisor) % size).padStart(2, "0");
  return `${part(100, 3600000)}:${part(60, 60000)}:${part(60, 1000)}${point}${String(whole % 1000).padStart(3, "0")}`;
};

export class Transcript {
  constructor(place) {
    this.place = place;
    this.clear();
  }

  clear() {
    this.segments = [];
    this.place.replaceChildren();
  }

  add(segment) {
    const row = document.createElement("p");
    const time = document.createElement("time");
    const speaker = document.createElement("b");
    const text = document.createElement("span");
    time.textContent = clock(segment.start, ".").slice(3, 8);
    text.textContent = segment.text;
    row.append(time, speaker, text);
    const entry = { ...segment, row };
    this.segments.push(entry);
    this.name(entry, segment.speaker);
    const atEnd = this.place.scrollHeight - this.place.scrollTop - this.place.clientHeight < 80;
    this.place.append(row);
    if (atEnd) this.place.scrollTop = this.place.scrollHeight;
  }

  // A stretch turned out to be somebody else's: it gets a row of its own where it is a part of one.
  correct({ start, end, speaker, text }) {
    const entry = this.segments.find((each) => each.start <= start + 0.01 && each.end >= end - 0.01);
    if (!entry) return;
    if (entry.text === text) this.name(entry, speaker);
    else this.split(entry, { start, end, speaker, text });
  }

  split(entry, piece) {
    const index = this.segments.indexOf(entry);
    const rest = entry.text.slice(entry.text.indexOf(piece.text) + piece.text.length).trim();
    const following = this.segments.slice(index + 1);
    entry.row.remove();
    for (const each of following) each.row.remove();
    this.segments.length = index;
    this.add(piece);
    if (rest) this.add({ ...entry, start: piece.end, text: rest });
    for (const each of following) this.add(each);
  }

  name(entry, speaker) {
    entry.speaker = speaker;
    const number = Number(speaker?.split(" ")[1] ?? 0);
    entry.row.className = speaker ? `s${((number - 1) % 5) + 1}` : "s0";
    entry.row.querySelector("b").textContent = speaker ?? "";
  }

  get text() {
    return this.segments.map(({ speaker, text }) => (speaker ? `${speaker}: ${text}` : text)).join("\n");
  }

  get srt() {
    return this.segments
      .map(({ start, end, speaker, text }, i) => {
        const changed = speaker && speaker !== this.segments[i - 1]?.speaker;
        return `${i + 1}\n${clock(start, ",")} --> ${clock(end, ",")}\n${changed ? `${speaker}: ` : ""}${text}\n`;
      })
      .join("\n");
  }
}
