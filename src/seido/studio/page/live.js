/* Live: the tract moves while somebody speaks; the newest picture is shown, and how old it is. */
import { element } from "/page/tracks.js";
import { say, whenChosen } from "/page/words.js";

const RATE = 16_000;
const BLOCK = 320; // samples that are sent at a time: 20 ms, half a frame
const HEAD = 16;
const REMEMBERED = 250;

export class Live {
  constructor(root, about, notice) {
    Object.assign(this, { root, notice, socket: null, ages: [] });
    this.get = (selector) => root.querySelector(selector);
    this.place = this.get("[data-live]");
    this.get("[data-input=live-head]").append(...about.heads.map((name) => element("option", { value: name }, name)));
    this.get("[data-input=live-model]").append(...about.models.map((one) => element("option", { value: one.name }, one.name)));
    this.get("[data-input=live-head]").onchange = () => { this.stop(); this.still(); };
    this.get("[data-input=live-model]").onchange = () => this.stop();
    this.get("[data-action=speak]").onclick = () => (this.stream || this.socket ? this.stop() : this.start());
    whenChosen(() => this.tell());
    this.still();
    this.tell();
  }

  async still() {
    const image = new Image(), canvas = this.get("canvas");
    image.src = `/api/heads/${this.get("[data-input=live-head]").value}.png`;
    await image.decode();
    canvas.width = image.width;
    canvas.height = image.height;
    canvas.getContext("2d").drawImage(image, 0, 0);
  }

  async start() {
    this.state("starting");
    try {
      if (!navigator.mediaDevices) throw new Error(say("insecure"));
      const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
      this.context = new AudioContext({ sampleRate: RATE });
      await this.context.audioWorklet.addModule("/page/capture.js");
    } catch (problem) {
      this.stop();
      this.notice(Object.assign(new Error(say("noMicrophone", { why: problem.message })), { code: "here" }));
      return;
    }
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/live`);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify({
      frame: { head: this.get("[data-input=live-head]").value }, model: this.get("[data-input=live-model]").value,
    }));
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      if (typeof data === "string") this.told(JSON.parse(data)); else this.draw(data);
    };
    socket.onclose = () => { if (socket === this.socket) this.stop(); };
    this.tell();
  }

  told(told) {
    if (told.problem) { this.stop(); this.notice(told.problem); return; }
    this.made = told;
    Object.assign(this, { heard: 0, ages: [], begins: [], leftOut: 0, took: 0 });
    const node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    let block = new Int16Array(BLOCK), filled = 0, peak = 0;
    node.port.onmessage = ({ data }) => {
      for (const value of data) {
        peak = Math.max(peak, Math.abs(value));
        block[filled++] = Math.round(Math.min(1, Math.max(-1, value)) * 32767);
        if (filled < BLOCK) continue;
        this.heard += BLOCK;
        this.clock();
        if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(block.buffer);
        this.get("[data-show=level]").style.width = `${Math.min(100, 100 * Math.sqrt(peak))}%`;
        block = new Int16Array(BLOCK);
        filled = peak = 0;
      }
    };
    this.context.createMediaStreamSource(this.stream).connect(node);
    this.context.resume();
    this.state("speaking");
  }

  /* When sample 0 was heard: the earliest that the last ten seconds of blocks allow, so that no drift adds up. */
  clock() {
    this.begins.push(performance.now() - (1000 * this.heard) / RATE);
    if (this.begins.length > (10 * RATE) / BLOCK) this.begins.shift();
    this.began = Math.min(...this.begins);
  }

  draw(data) {
    const { height, width, channels } = this.made, view = new DataView(data), canvas = this.get("canvas");
    const bytes = new Uint8Array(data, HEAD), image = new ImageData(width, height);
    for (let i = 0, j = 0; j < image.data.length; i += channels, j += 4) {
      for (let c = 0; c < 3; c++) image.data[j + c] = bytes[i + (channels === 3 ? c : 0)];
      image.data[j + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    this.took = view.getFloat32(8, true);
    this.leftOut = view.getUint32(12, true);
    this.ages.push(performance.now() - this.began - 1000 * view.getFloat64(0, true));
    if (this.ages.length > REMEMBERED) this.ages.shift();
    if (this.ages.length % 5 === 1 || this.ages.length === REMEMBERED) this.tell();
  }

  tell() {
    this.get("[data-show=speak]").textContent = say(this.stream || this.socket ? "stopSpeaking" : "speak");
    if (!this.ages.length) return;
    const sorted = [...this.ages].sort((one, two) => one - two);
    const ms = (value) => say("ms", { n: Math.round(value) }), at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    this.place.dataset.median = Math.round(at(0.5));
    const rows = [["latency", `${say("median")} ${ms(at(0.5))}, ${say("latest")} ${ms(at(0.95))}`], ["lookAhead", ms(1000 * this.made.look_ahead)],
      ["computing", ms(this.took)], ["leftOut", String(this.leftOut)]];
    this.get("[data-show=latency]").replaceChildren(...rows.map(([word, text]) => element("div", {}, element("dt", {}, say(word)), element("dd", {}, text))));
  }

  state(name) {
    this.place.dataset.state = name;
    this.place.classList.toggle("on", name === "speaking");
  }

  stop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.context?.close();
    this.context = null;
    this.get("[data-show=level]").style.width = "0";
    this.state("idle");
    this.tell();
  }
}
