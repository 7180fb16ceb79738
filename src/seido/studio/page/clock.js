/* One clock for pictures and sound: play, stop, step, loop a selection, 0.1 to 1 times the speed. */
const PIECE = 20; // seconds that are slowed down at a time
let context = null;
let running = null;

/* Without a sound device the pictures run all the same. */
async function awake() {
  try {
    context ??= new AudioContext();
    await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 300))]);
  } catch { context = null; }
}

export class Clock {
  constructor(length, rate) {
    Object.assign(this, { length, rate, time: 0.5 / rate, speed: 1, selection: null, looping: false, speech: null });
    this.turn = 0;
    this.sources = [];
    this.listeners = [];
  }

  whenMoved(listener) { this.listeners.push(listener); }

  forget() { this.listeners = []; }

  tell() { for (const listener of this.listeners) listener(this); }

  get frames() { return Math.max(1, Math.round(this.length * this.rate)); }

  get frame() { return Math.min(this.frames - 1, Math.max(0, Math.floor(this.time * this.rate + 1e-6))); }

  get playing() { return running === this; }

  get loop() { return this.looping ? this.selection ?? { start: 0, end: this.length } : null; }

  seek(time) {
    this.time = Math.min(Math.max(time, 0), this.length);
    this.tell();
  }

  /* The cursor stands in the middle of a frame: stepping can never fall between two. */
  step(by) {
    this.pause();
    this.seek((Math.min(this.frames - 1, Math.max(0, this.frame + by)) + 0.5) / this.rate);
  }

  select(start, end) {
    const [from, to] = [Math.max(0, Math.min(start, end)), Math.min(this.length, Math.max(start, end))];
    this.selection = to - from > 0.005 ? { start: from, end: to } : null;
    if (!this.selection) this.looping = false;
    this.again();
    this.tell();
  }

  set(values) {
    Object.assign(this, values);
    this.again();
    this.tell();
  }

  again() { if (this.playing) this.play(); }

  async play() {
    if (running && running !== this) running.pause();
    running = this;
    const turn = ++this.turn;
    this.silence();
    this.tell();
    await awake();
    if (turn !== this.turn || running !== this) return;
    const span = this.loop ?? { start: 0, end: this.length };
    if (this.time >= span.end - 1e-3 || (this.loop && this.time < span.start)) this.time = span.start;
    const heard = this.speech && context?.state === "running";
    const latency = heard ? (context.outputLatency || context.baseLatency || 0) : 0;
    const now = heard ? () => context.currentTime - latency : () => performance.now() / 1000;
    const began = heard ? context.currentTime : now();
    const from = this.time;
    if (heard) this.sound(began, from, span, turn);
    const tick = () => {
      if (turn !== this.turn || running !== this) return;
      let time = from + Math.max(0, now() - began) * this.speed;
      if (this.loop && time >= span.end) time = span.start + ((time - span.start) % (span.end - span.start));
      if (!this.loop && time >= this.length) { this.pause(); this.seek((this.frames - 0.5) / this.rate); return; }
      this.seek(time);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /* Lay pieces of sound one after another on the context's time, a little ahead of it. */
  async sound(began, from, span, turn) {
    const { data, rate } = this.speech;
    let at = from, due = began;
    while (turn === this.turn && running === this) {
      if (at >= span.end - 1e-4) {
        if (!this.loop) return;
        at = span.start;
      }
      const end = Math.min(span.end, at + PIECE * this.speed, this.length);
      const piece = data.subarray(Math.round(at * rate), Math.round(end * rate));
      const slow = stretch(piece, this.speed, rate);
      if (slow.length) {
        const buffer = context.createBuffer(1, slow.length, rate);
        buffer.copyToChannel(slow, 0);
        const source = context.createBufferSource();
        source.buffer = buffer;
        source.connect(context.destination);
        source.start(due);
        this.sources.push(source);
        if (this.sources.length > 8) this.sources.shift();
      }
      due += (end - at) / this.speed;
      at = end;
      await new Promise((done) => setTimeout(done, Math.max(0, 1000 * (due - context.currentTime) - 500)));
    }
  }

  silence() {
    for (const source of this.sources) { try { source.stop(); } catch { /* it was over */ } source.disconnect(); }
    this.sources = [];
  }

  pause() {
    if (running === this) running = null;
    this.turn++;
    this.silence();
    this.tell();
  }
}

export function stopAll() { running?.pause(); }
