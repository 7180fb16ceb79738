/* See: sound, labels and picture of one movie, locked together. */
import { ask, askJson, download, sample, send } from "/page/api.js";
import { Clock } from "/page/clock.js";
import { controls } from "/page/controls.js";
import { Movie } from "/page/movie.js";
import { fill, put, whenShelfChanges } from "/page/shelf.js";
import { element, inkOf, sampleButton, Tracks } from "/page/tracks.js";
import { say, whenChosen } from "/page/words.js";

const MARKS = "marks";

export function draw(canvas, movie, frame) {
  const image = movie.now(frame);
  if (!image) return false;
  if (canvas.width !== movie.width || canvas.height !== movie.height) { canvas.width = movie.width; canvas.height = movie.height; }
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
  return true;
}

export class See {
  constructor(root, about, notice) {
    Object.assign(this, { root, about, notice, movie: null });
    this.get = (selector) => root.querySelector(selector);
    this.player = this.get("[data-player=see]");
    this.canvas = this.get("[data-canvas=picture]");
    this.overlay = this.get(".overlay");
    const choice = this.get("[data-input=see]");
    whenShelfChanges(() => { fill(choice); if (this.movie) choice.value = this.movie.id; });
    choice.onchange = () => { location.hash = choice.value ? `see/${choice.value}` : "see"; };
    for (const name of about.samples) {
      this.get("[data-list=see-samples]").append(sampleButton(name, () => this.take(() => sample(name), name)));
    }
    this.get("[data-file=see]").onchange = (event) => this.file(event.target, (file) => this.take(() => send(file, file.name), file.name));
    this.get("[data-file=labels]").onchange = (event) => this.file(event.target, (file) => this.openLabels(file));
    for (const name of ["line", "regions"]) this.get(`[data-input=${name}]`).onchange = () => this.paintOverlay();
    for (const field of root.querySelectorAll("[data-line]")) {
      field.onchange = () => {
        this.drawn = true;
        this.setLine([...root.querySelectorAll("[data-line]")].map((one) => Number(one.value)));
      };
    }
    this.canvas.parentElement.addEventListener("pointerdown", (event) => this.grab(event));
    this.get("[data-action=label]").onclick = () => this.label();
    root.addEventListener("click", (event) => {
      const what = event.target.closest("[data-export]")?.dataset.export;
      if (what) this.exporting(what);
    });
    whenChosen(() => { if (this.movie) this.build(); });
  }

  file(input, then) {
    const [file] = input.files;
    input.value = "";
    if (file) then(file);
  }

  blank(text) {
    const place = this.get("[data-blank=see]");
    place.hidden = text === null;
    place.classList.toggle("busy", Boolean(text));
    place.dataset.busy = text ?? "";
    if (text !== null) this.player.hidden = true;
  }

  async take(sending, name) {
    this.blank(say("decoding", { name }));
    try {
      const told = await sending();
      if (told.kind !== "movie") throw Object.assign(new Error(say("seeEmptyHow")), { code: "here" });
      put(told);
      location.hash = `see/${told.id}`;
    } catch (problem) { this.blank(this.movie ? null : ""); this.player.hidden = !this.movie; this.notice(problem); }
  }

  async open(id) {
    if (this.movie?.id === id) return;
    this.blank(say("loading"));
    try {
      const movie = await Movie.open(id);
      if (movie.told.state !== "done") throw new Error(movie.told.state);
      this.movie = movie;
      this.speech = await movie.sound();
      this.tiers = (await this.bundledLabels()) ?? [];
      this.series = null;
      this.drawn = false;
      this.line = [movie.width * 0.42, movie.height * 0.36, movie.width * 0.42, movie.height * 0.62].map(Math.round);
      await movie.frame(0);
    } catch (problem) {
      this.movie = null;
      this.blank("");
      this.notice(problem);
      return;
    }
    this.clock?.pause();
    this.clock = new Clock(this.movie.length, this.movie.rate);
    this.clock.speech = this.speech;
    this.blank(null);
    this.player.hidden = false;
    this.build();
    this.player.focus({ preventScroll: true });
    this.get("[data-input=see]").value = id;
    this.player.dataset.movie = id;
    this.measure();
  }

  async bundledLabels() {
    if (!this.movie.told.facts.labels?.length) return null;
    return (await askJson(`/api/items/${this.movie.id}/labels`)).tiers;
  }

  build() {
    this.tracks?.close();
    this.clock.forget();
    this.clock.whenMoved(() => this.paint());
    this.tracks = new Tracks(this.get("[data-tracks=see]"), this.clock, this.speech);
    this.tracks.setTiers(this.tiers);
    controls(this.get("[data-controls=see]"), this.player, this.clock, this.tracks);
    this.facts();
    if (!this.speech) this.get("[data-show=facts]").append(...this.fact("sound", say("noSound")));
    this.addKymograph();
    this.addSeries();
    this.setLine(this.line);
    this.paint();
  }

  fact(word, text) {
    return [element("div", {}, element("dt", {}, say(word)), element("dd", {}, text))];
  }

  facts() {
    const { told, movie = this.movie } = { told: this.movie.told }, { facts } = told, rows = [];
    rows.push(...this.fact("factName", told.name));
    rows.push(...this.fact("factSize", `${movie.width} × ${movie.height}`));
    rows.push(...this.fact("factLength", `${say("seconds", { n: movie.length.toFixed(2) })}, ${say("frames", { n: movie.frames })}`));
    rows.push(...this.fact("factRate", String(Number(movie.rate.toFixed(3)))));
    if (facts.model) {
      rows.push(...this.fact("factModel", `${facts.model} (${say("generated")})`), ...this.fact("factFrame", facts.frame));
      if (facts.denoised?.length) rows.push(...this.fact("factDenoised", facts.denoised.map((one) => say(one)).join(", ")));
      for (const remark of facts.remarks ?? []) rows.push(...this.fact("factRemarks", remark));
    }
    this.get("[data-show=facts]").replaceChildren(...rows);
  }

  paint() {
    if (!this.movie) return;
    const frame = this.clock.frame;
    this.wanted = frame;
    if (!draw(this.canvas, this.movie, frame)) {
      this.movie.frame(frame).then(() => { if (this.wanted === frame) draw(this.canvas, this.movie, frame); }).catch((problem) => this.notice(problem));
    }
    this.canvas.setAttribute("aria-label", say("where", { frame, frames: this.movie.frames, time: this.clock.time.toFixed(3) }));
    if (this.series) this.paintOverlay();
  }

  setLine(line) {
    const { width, height } = this.movie, most = [width, height, width, height];
    const fitted = line.map((value, at) => Math.min(Math.max(Math.round(value) || 0, 0), most[at] - 1));
    if (fitted[0] === fitted[2] && fitted[1] === fitted[3]) fitted[3] = fitted[3] ? fitted[3] - 1 : 1;
    this.line = fitted;
    this.root.querySelectorAll("[data-line]").forEach((field, at) => { field.value = String(fitted[at]); });
    this.paintOverlay();
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.readKymograph(), 120);
  }

  async readKymograph() {
    const movie = this.movie, line = this.line.join(",");
    try {
      const blob = await (await ask(`/api/items/${movie.id}/kymograph.png?line=${line}`)).blob();
      const strip = await createImageBitmap(blob);
      if (movie !== this.movie || line !== this.line.join(",")) return;
      this.strip = strip;
      this.player.dataset.kymograph = line;
      this.tracks.paint();
    } catch (problem) { this.notice(problem); }
  }

  addKymograph() {
    this.tracks.add("kymo", say("kymograph"), (canvas) => {
      if (!this.strip) return;
      const { start, end, clock } = this.tracks, brush = canvas.getContext("2d");
      brush.imageSmoothingEnabled = false;
      const scale = this.strip.width / clock.length;
      brush.drawImage(this.strip, start * scale, 0, (end - start) * scale, this.strip.height, 0, 0, canvas.width, canvas.height);
    }, "", this.tracks.morePlace);
  }

  async measure() {
    const movie = this.movie;
    try {
      const found = await askJson(`/api/items/${movie.id}/series`);
      if (movie !== this.movie) return;
      this.series = { ...found, boxes: found.regions.map((text) => text.split(",").map(Number)) };
      const body = this.series.boxes[found.names.indexOf("tongue_body")];
      // Until one is drawn, the line stands where the tongue's body rises and falls.
      if (body && !this.drawn) this.setLine([body[0] + body[2] / 2, body[1] - body[3] / 4, body[0] + body[2] / 2, body[1] + 1.6 * body[3]]);
    } catch (problem) {
      if (movie !== this.movie) return;
      this.series = { names: [], values: [], boxes: [], problem };
    }
    this.addSeries();
    this.tracks.paint();
    this.paintOverlay();
    this.player.dataset.series = this.series.names.join(" ");
  }

  addSeries() {
    this.tracks.drop("series");
    this.series?.names.forEach((name, at) => {
      const values = this.series.values[at];
      const low = Math.min(...values), high = Math.max(...values), room = Math.max(1e-4, high - low);
      this.tracks.add(`series ink-${at}`, say(name), (canvas) => {
        const brush = canvas.getContext("2d"), { width, height } = canvas, { start, end } = this.tracks;
        brush.clearRect(0, 0, width, height);
        brush.strokeStyle = `rgb(${inkOf(this.root, `--ink-${at}`).join(" ")})`;
        brush.lineWidth = 1.5 * Math.min(2, devicePixelRatio || 1);
        brush.lineJoin = "round";
        brush.beginPath();
        values.forEach((value, frame) => {
          const x = (((frame + 0.5) / this.movie.rate - start) / (end - start)) * width;
          const y = (0.9 - (0.8 * (value - low)) / room) * height;
          if (frame) brush.lineTo(x, y); else brush.moveTo(x, y);
        });
        brush.stroke();
      }, "", this.tracks.morePlace);
    });
    if (this.series?.problem && !this.tracks.morePlace.querySelector(".hint")) {
      this.tracks.morePlace.append(element("p", { className: "soft hint" }, say("nothingMoves")));
    }
  }

  paintOverlay() {
    if (!this.movie) return;
    const { width, height } = this.movie, names = "http://www.w3.org/2000/svg", parts = [];
    this.overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const part = (tag, values, text) => {
      const made = document.createElementNS(names, tag);
      for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
      if (text) made.textContent = text;
      parts.push(made);
    };
    if (this.get("[data-input=line]").checked && this.line) {
      const [x1, y1, x2, y2] = this.line.map((value) => value + 0.5);
      part("line", { x1, y1, x2, y2, class: "line-0" });
      part("circle", { cx: x1, cy: y1, r: height / 90, class: "line-0" });
    }
    if (this.get("[data-input=regions]").checked) {
      this.series?.boxes.forEach(([x, y, w, h], at) => {
        part("rect", { x, y, width: w, height: h, class: `box line-${at}` });
        // Neighbours overlap: every other name stands below its box.
        part("text", { x: x + 1, y: at % 2 ? y + h + height / 34 : y - height / 90, "font-size": height / 36, class: `line-${at}` }, say(this.series.names[at]));
      });
    }
    this.overlay.replaceChildren(...parts);
  }

  /* Dragging on the picture lays the kymograph's line. */
  grab(event) {
    if (!this.movie || event.button) return;
    const box = this.canvas.getBoundingClientRect(), stage = event.currentTarget;
    const at = ({ clientX, clientY }) => [((clientX - box.left) / box.width) * this.movie.width, ((clientY - box.top) / box.height) * this.movie.height];
    const [x0, y0] = at(event), end = new AbortController(), options = { signal: end.signal };
    stage.setPointerCapture(event.pointerId);
    stage.addEventListener("pointermove", (move) => {
      const [x1, y1] = at(move);
      if (Math.hypot(x1 - x0, y1 - y0) < 3) return;
      this.get("[data-input=line]").checked = true;
      this.drawn = true;
      this.setLine([x0, y0, x1, y1]);
    }, options);
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, () => end.abort(), options);
  }

  async openLabels(file) {
    try {
      const told = await send(file, file.name);
      if (told.kind !== "labels") throw Object.assign(new Error(say("openTextGrid")), { code: "here" });
      const { tiers } = await askJson(`/api/items/${told.id}/labels`);
      this.tiers = tiers;
      this.tracks.setTiers(tiers);
    } catch (problem) { this.notice(problem); }
  }

  label() {
    const field = this.get("[data-input=label]"), { selection } = this.clock;
    if (!selection || !field.value.trim()) { field.focus(); return; }
    const marks = this.tiers.find((tier) => tier.name === MARKS && !tier.points) ?? { name: MARKS, points: false, labels: [] };
    const kept = marks.labels.filter(([start, end]) => end <= selection.start || start >= selection.end);
    const labels = [...kept, [selection.start, selection.end, field.value.trim()]].sort((one, two) => one[0] - two[0]);
    this.tiers = [...this.tiers.filter((tier) => tier !== marks), { ...marks, labels }];
    field.value = "";
    this.tracks.setTiers(this.tiers);
  }

  async exporting(what) {
    const told = this.get("[data-show=export]"), { movie, clock } = this, path = `/api/items/${movie.id}`;
    const name = (movie.name.replace(/\.\w{1,5}$/, "") || "movie") + (movie.told.facts.model ? ` ${movie.told.facts.frame}` : "");
    told.textContent = say("exporting", { what: what.toUpperCase() });
    try {
      let more = "";
      if (what === "mp4") await download(`${path}/movie.mp4`, `${name}.mp4`);
      if (what === "png") await download(`${path}/frames/${clock.frame}.png`, `${name} ${clock.frame}.png`);
      if (what === "csv") await download(`${path}/series.csv`, `${name}.csv`);
      if (what === "gif") {
        const { start, end } = clock.selection ?? { start: 0, end: movie.length };
        const first = movie.at(start), wanted = Math.max(1, movie.at(end - 1e-6) - first + 1), most = this.about.limits.gif_frames;
        await download(`${path}/movie.gif?first=${first}&count=${Math.min(wanted, most)}`, `${name}.gif`);
        if (wanted > most) more = ` ${say("gifCut", { n: most })}`;
      }
      if (what === "textgrid") {
        const last = Math.max(movie.length, movie.told.seconds ?? 0, ...this.tiers.flatMap((tier) => tier.labels.slice(-1).map((label) => label[1])));
        await download("/api/textgrid", `${name}.TextGrid`, { seconds: last, tiers: this.tiers });
      }
      told.textContent = say("exported", { what: what === "textgrid" ? "TextGrid" : what.toUpperCase() }) + more;
    } catch (problem) { told.textContent = ""; this.notice(problem); }
  }
}
