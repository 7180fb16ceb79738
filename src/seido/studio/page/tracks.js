/* What lies under the pictures: tracks of one stretch of time, one cursor, one selection, and zooming. */
import { paintSpectrogram, paintWaveform } from "/page/spectrogram.js";
import { say } from "/page/words.js";

const LEAST = 0.05; // seconds that are shown at least

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made && name !== "list") made[name] = value; else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/* A button for a bundled movie, named in the page's language. */
export function sampleButton(name, act) {
  const made = element("button", { type: "button", className: "quiet", title: name, onclick: act }, say(name));
  made.dataset.word = name;
  return made;
}

/* The page's own ink, as [r, g, b]. */
export function inkOf(node, name = "--ink") {
  const text = getComputedStyle(node).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}

export class Tracks {
  constructor(root, clock, speech) {
    Object.assign(this, { root, clock, speech, start: 0, end: clock.length });
    this.painters = [];
    this.tiers = [];
    root.replaceChildren();
    if (speech) {
      this.add("waveform", say("waveform"), (canvas, ink) => paintWaveform(canvas, speech, this.start, this.end, ink));
      this.add("spectrogram", say("spectrogram"), (canvas, ink) => paintSpectrogram(canvas, speech, this.start, this.end, ink), say("kHz"));
    }
    this.tierPlace = root.appendChild(element("div", { className: "tiers" }));
    this.morePlace = root.appendChild(element("div"));
    this.scale = element("div", { className: "lane" });
    root.append(element("div", { className: "track seconds" }, element("div", { className: "name" }), this.scale));
    this.band = element("div", { className: "loop", hidden: true });
    this.cursor = element("div", { className: "cursor", role: "slider" });
    root.append(element("div", { className: "over" }, this.band, this.cursor));
    this.stop = new AbortController();
    const options = { signal: this.stop.signal };
    this.sizes = new ResizeObserver(() => this.later());
    this.sizes.observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint(), options);
    root.addEventListener("pointerdown", (event) => this.grab(event), options);
    root.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 0.8 : 1.25, this.timeAt(event.clientX));
    }, { ...options, passive: false });
    clock.whenMoved(() => this.follow());
    this.paint();
    this.follow();
  }

  close() {
    this.stop.abort();
    this.sizes.disconnect();
  }

  add(kind, name, paint, note = "", place = null) {
    const canvas = element("canvas");
    const lane = element("div", { className: "lane" }, canvas);
    const label = element("div", { className: "name" }, name);
    if (note) label.append(element("small", {}, note));
    const track = element("div", { className: `track ${kind}` }, label, lane);
    if (place) place.append(track); else this.root.append(track);
    this.painters.push({ canvas, paint, track });
    return track;
  }

  drop(kind) {
    for (const one of this.painters.filter(({ track }) => track.classList.contains(kind))) one.track.remove();
    this.painters = this.painters.filter(({ track }) => !track.classList.contains(kind));
  }

  later() {
    cancelAnimationFrame(this.due);
    this.due = requestAnimationFrame(() => this.paint());
  }

  paint() {
    const ink = inkOf(this.root), dense = Math.min(2, devicePixelRatio || 1);
    for (const { canvas, paint } of this.painters) {
      const box = canvas.parentElement.getBoundingClientRect();
      if (!box.width) continue;
      canvas.width = Math.round(box.width * dense);
      canvas.height = Math.round(box.height * dense);
      paint(canvas, ink);
    }
    this.paintSeconds();
    for (const lane of this.tierPlace.querySelectorAll(".lane")) this.layTier(lane);
    this.follow();
  }

  paintSeconds() {
    const width = this.scale.getBoundingClientRect().width || 800, span = this.end - this.start;
    const wanted = (span * 90) / width;
    const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120].find((one) => one >= wanted) ?? 300;
    const marks = [];
    for (let at = Math.ceil(this.start / step - 1e-9); at * step <= this.end; at++) {
      const mark = element("span", {}, `${(at * step).toFixed(step < 0.1 ? 2 : step < 1 ? 1 : 0)} s`);
      const share = (at * step - this.start) / span;
      if (share > 0.97) continue;
      mark.style.left = `${100 * share}%`;
      marks.push(mark);
    }
    this.scale.replaceChildren(...marks);
  }

  /* Tiers of labels [start, end, text]; a click selects a label's time and loops it. */
  setTiers(tiers) {
    this.tiers = tiers;
    this.tierPlace.replaceChildren(...tiers.map((tier, number) => {
      const lane = element("div", { className: "lane" });
      lane.dataset.tier = number;
      const track = element("div", { className: "track tier" }, element("div", { className: "name" }, tier.name), lane);
      return track;
    }));
    this.paint();
  }

  layTier(lane) {
    const tier = this.tiers[lane.dataset.tier], span = this.end - this.start, picked = this.clock.selection;
    const width = lane.getBoundingClientRect().width;
    const shown = tier.labels.filter(([start, end]) => end >= this.start && start <= this.end).slice(0, 1500);
    const first = !lane.querySelector("button:focus");
    if (!first && lane.dataset.view === `${this.start} ${this.end} ${width}`) return;
    lane.dataset.view = `${this.start} ${this.end} ${width}`;
    lane.replaceChildren(...shown.map(([start, end, text], at) => {
      const button = element("button", { type: "button", title: text, tabIndex: at ? -1 : 0 }, element("span", {}, text));
      button.dataset.start = start;
      button.dataset.end = Math.max(end, start + 0.01);
      const left = Math.max(0, (start - this.start) / span), right = Math.min(1, (end - this.start) / span);
      button.style.left = `${100 * left}%`;
      button.style.width = tier.points ? "1px" : `${100 * (right - left)}%`;
      if ((right - left) * width < 9 && !tier.points) button.classList.add("tight");
      button.setAttribute("aria-pressed", String(Boolean(picked) && Math.abs(picked.start - start) < 1e-3 && Math.abs(picked.end - end) < 1e-3));
      return button;
    }));
  }

  timeAt(x) {
    const box = this.scale.getBoundingClientRect();
    return this.start + ((this.end - this.start) * (x - box.left)) / box.width;
  }

  /* A click seeks; dragging selects. */
  grab(event) {
    const label = event.target.closest(".tier button");
    if (label) {
      const [start, end] = [Number(label.dataset.start), Number(label.dataset.end)];
      const same = label.getAttribute("aria-pressed") === "true";
      if (same) { this.clock.pause(); this.clock.select(0, 0); } else this.pick(start, end);
      for (const lane of this.tierPlace.querySelectorAll(".lane")) { lane.dataset.view = ""; this.layTier(lane); }
      return;
    }
    if (event.button || !event.target.closest(".lane")) return;
    const from = this.timeAt(event.clientX), x = event.clientX, move = new AbortController();
    let drawn = false;
    const options = { signal: move.signal };
    this.root.setPointerCapture(event.pointerId);
    this.root.addEventListener("pointermove", (at) => {
      if (!drawn && Math.abs(at.clientX - x) < 4) return;
      drawn = true;
      this.clock.select(from, this.timeAt(at.clientX));
    }, options);
    const done = () => {
      move.abort();
      if (drawn) { if (this.clock.selection) this.clock.seek(this.clock.selection.start); return; }
      this.clock.seek(from);
      this.clock.again();
    };
    this.root.addEventListener("pointerup", done, options);
    this.root.addEventListener("pointercancel", done, options);
  }

  pick(start, end) {
    this.clock.select(start, end);
    this.clock.seek(start);
    this.clock.set({ looping: true });
  }

  show(start, end) {
    const span = Math.min(this.clock.length, Math.max(LEAST, end - start));
    this.start = Math.min(Math.max(0, start), this.clock.length - span);
    this.end = this.start + span;
    this.paint();
    this.root.dispatchEvent(new CustomEvent("view"));
  }

  zoom(by, about = this.clock.time) {
    const middle = Math.min(Math.max(about, this.start), this.end);
    this.show(middle - (middle - this.start) * by, middle + (this.end - middle) * by);
  }

  follow() {
    const { time, length, selection, playing } = this.clock, span = this.end - this.start;
    if (playing && (time < this.start || time > this.end) && span < length - 1e-6) this.show(time, time + span);
    const share = (time - this.start) / (this.end - this.start);
    this.cursor.hidden = share < 0 || share > 1;
    this.cursor.style.left = `${100 * share}%`;
    this.cursor.setAttribute("aria-valuemin", "0");
    this.cursor.setAttribute("aria-valuemax", length.toFixed(3));
    this.cursor.setAttribute("aria-valuenow", time.toFixed(3));
    this.cursor.setAttribute("aria-label", say("where", { frame: this.clock.frame, frames: this.clock.frames, time: time.toFixed(3) }));
    this.band.hidden = !selection || selection.end < this.start || selection.start > this.end;
    if (selection) {
      const left = Math.max(0, (selection.start - this.start) / span), right = Math.min(1, (selection.end - this.start) / span);
      this.band.style.left = `${100 * left}%`;
      this.band.style.width = `${100 * Math.max(0, right - left)}%`;
    }
  }
}
