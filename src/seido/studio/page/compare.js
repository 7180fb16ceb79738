/* Compare: two movies on one clock, their difference, and the headline scores. */
import { askJson, sample, send, watch } from "/page/api.js";
import { Clock } from "/page/clock.js";
import { controls } from "/page/controls.js";
import { Movie } from "/page/movie.js";
import { fill, put, title, whenShelfChanges } from "/page/shelf.js";
import { draw } from "/page/see.js";
import { element, sampleButton, Tracks } from "/page/tracks.js";
import { say, sayProblem, whenChosen } from "/page/words.js";

const SIDES = ["first", "other"];
const MEASURES = { ssim: 3, nmse: 3, motion_correlation: 3, lag_ms: 0 };
const ROWS = ["generated", "first_frame", "mean_frame"];

export class Compare {
  constructor(root, about, notice) {
    Object.assign(this, { root, about, notice, movies: {}, heard: "first", result: null });
    this.get = (selector) => root.querySelector(selector);
    this.player = this.get("[data-player=compare]");
    for (const side of SIDES) this.get(`[data-input=${side}]`).onchange = () => this.open();
    whenShelfChanges(() => { for (const side of SIDES) fill(this.get(`[data-input=${side}]`)); });
    for (const name of about.samples) {
      this.get("[data-list=compare-samples]").append(sampleButton(name, () => this.take(() => sample(name), name)));
    }
    this.get("[data-file=compare]").onchange = ({ target }) => {
      const [file] = target.files;
      target.value = "";
      if (file) this.take(() => send(file, file.name), file.name);
    };
    whenChosen(() => { if (this.clock) this.build(); });
  }

  blank(text) {
    const place = this.get("[data-blank=compare]");
    place.hidden = text === null;
    place.classList.toggle("busy", Boolean(text));
    place.dataset.busy = text ?? "";
    this.player.hidden = text !== null;
  }

  async take(sending, name) {
    const before = this.player.hidden;
    this.blank(say("decoding", { name }));
    try {
      const told = await sending();
      if (told.kind !== "movie") throw Object.assign(new Error(say("compareEmpty")), { code: "here" });
      put(told);
      this.offer(told.id);
    } catch (problem) { this.blank(before ? "" : null); this.notice(problem); }
  }

  /* Put a movie on the first side that is free; else in the other's place. */
  offer(id) {
    const [first, other] = SIDES.map((side) => this.get(`[data-input=${side}]`));
    if (first.value !== id && other.value !== id) (first.value ? other : first).value = id;
    this.open();
  }

  async open() {
    const ids = SIDES.map((side) => this.get(`[data-input=${side}]`).value);
    if (ids.some((id) => !id)) { this.clock?.pause(); this.clock = null; this.blank(""); return; }
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.blank(say("loading"));
    try {
      const [first, other] = await Promise.all(ids.map((id) => Movie.open(id)));
      const sounds = await Promise.all([first.sound(), other.sound()]);
      await Promise.all([first.frame(0), other.frame(0)]);
      if (turn !== this.turn) return;
      this.movies = { first, other };
      this.sounds = { first: sounds[0], other: sounds[1] };
    } catch (problem) { if (turn === this.turn) { this.blank(""); this.notice(problem); } return; }
    this.clock?.pause();
    this.clock = new Clock(Math.max(this.movies.first.length, this.movies.other.length), this.movies.first.rate);
    this.heard = this.sounds.first ? "first" : "other";
    this.blank(null);
    this.build();
    this.player.focus({ preventScroll: true });
    this.player.dataset.pair = ids.join(" ");
    this.score(ids, turn);
  }

  build() {
    this.clock.speech = this.sounds[this.heard];
    this.tracks?.close();
    this.clock.forget();
    this.clock.whenMoved(() => this.paint());
    this.tracks = new Tracks(this.get("[data-tracks=compare]"), this.clock, this.sounds[this.heard]);
    const choice = element("select", { onchange: () => { this.heard = choice.value; this.clock.pause(); this.build(); } },
      ...SIDES.map((side) => element("option", { value: side, disabled: !this.sounds[side] }, say(side))));
    choice.value = this.heard;
    controls(this.get("[data-controls=compare]"), this.player, this.clock, this.tracks, [element("label", {}, say("sound"), choice)]);
    for (const side of SIDES) this.get(`[data-show=${side}]`).textContent = title(this.movies[side].told);
    this.labels();
    this.paint();
    this.table();
  }

  async labels() {
    const { told } = this.movies.first, tracks = this.tracks;
    if (!told.facts.labels?.length) return;
    const { tiers } = await askJson(`/api/items/${told.id}/labels`);
    if (tracks === this.tracks) tracks.setTiers(tiers);
  }

  paint() {
    const { first, other } = this.movies, time = this.clock.time;
    const canvases = SIDES.map((side) => this.get(`[data-canvas=${side}]`));
    const drawn = SIDES.map((side, at) => draw(canvases[at], this.movies[side], this.movies[side].at(time)));
    if (!drawn.every(Boolean)) {
      const turn = this.turn, waiting = [first, other].map((movie) => movie.frame(movie.at(time)));
      Promise.all(waiting).then(() => { if (turn === this.turn && this.clock?.time === time) this.paint(); }).catch((problem) => this.notice(problem));
      return;
    }
    this.difference(canvases);
  }

  difference([first, other]) {
    const canvas = this.get("[data-canvas=difference]");
    canvas.width = first.width; canvas.height = first.height;
    const brush = canvas.getContext("2d", { willReadFrequently: true });
    brush.drawImage(other, 0, 0, first.width, first.height);
    const after = brush.getImageData(0, 0, first.width, first.height);
    const before = first.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, first.width, first.height).data, pixels = after.data;
    for (let i = 0; i < pixels.length; i += 4) {
      const change = (pixels[i] + pixels[i + 1] + pixels[i + 2] - before[i] - before[i + 1] - before[i + 2]) / 3;
      pixels[i] = pixels[i + 1] = pixels[i + 2] = 128 + change;
    }
    brush.putImageData(after, 0, 0);
  }

  async score([first, other], turn) {
    this.result = { waiting: true };
    this.table();
    try {
      const asked = await askJson("/api/comparisons", { first, other });
      const told = await new Promise((done, fail) => watch(asked.id, (one, problem) => {
        if (problem) fail(problem);
        else if (one.state === "done") done(one);
        else if (one.state === "failed" || one.state === "cancelled") fail(one.problem);
      }));
      if (turn === this.turn) this.result = told.facts;
    } catch (problem) { if (turn === this.turn) this.result = { problem }; }
    if (turn === this.turn) this.table();
  }

  table() {
    const place = this.get("[data-show=scores]"), { result } = this;
    if (!result) { place.replaceChildren(); return; }
    if (result.waiting) { place.replaceChildren(element("p", { className: "soft busy-line" }, say("scoring"))); return; }
    if (result.problem) { place.replaceChildren(element("p", { className: "state failed" }, sayProblem(result.problem))); return; }
    const { scores, fitted, frames } = result;
    const rows = { generated: scores, first_frame: scores.first_frame, mean_frame: scores.mean_frame };
    const number = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−"));
    const head = element("tr", {}, element("th", {}, say("scoresOf")), ...Object.keys(MEASURES).map((name) => element("th", { scope: "col" }, say(name))));
    const body = ROWS.map((row) => element("tr", { className: row === "generated" ? "shown" : "floor" }, element("th", { scope: "row" }, say(`row_${row}`)),
      ...Object.entries(MEASURES).map(([name, digits]) => element("td", {}, number(rows[row][name], digits)))));
    const table = element("table", { className: "figures" }, element("thead", {}, head), element("tbody", {}, ...body));
    const notes = [say("scoresNote")];
    if (fitted.length) notes.unshift(say("fitted", { what: fitted.map((one) => say(`fit_${one}`)).join(", "), n: frames }));
    place.replaceChildren(element("div", { className: "wide" }, table), element("p", { className: "note" }, notes.join(" ")));
  }
}
