/* Make: speech, a first frame and a model become a movie. */
import { askJson, sample, send } from "/page/api.js";
import { Movie, speechOf } from "/page/movie.js";
import { Recorder } from "/page/record.js";
import { RegionEditor } from "/page/region.js";
import { put } from "/page/shelf.js";
import { paintWaveform } from "/page/spectrogram.js";
import { element, inkOf, sampleButton } from "/page/tracks.js";
import { say, whenChosen } from "/page/words.js";

export class Make {
  constructor(root, about, notice) {
    Object.assign(this, { root, about, notice, speech: null, frame: null, picture: null, drawn: false, asked: 0 });
    this.get = (selector) => root.querySelector(selector);
    this.editor = new RegionEditor(this.get("[data-canvas=frame]"), (region) => { this.drawn = true; this.hint("regionDrawn"); this.region(region); });
    this.fillChoices();
    this.listen();
    whenChosen(() => this.tell());
    this.chooseHead("woman-whole");
  }

  fillChoices() {
    for (const name of this.about.samples) {
      this.get("[data-list=samples]").append(sampleButton(name, () => this.take(() => sample(name), name)));
    }
    const heads = this.get("[data-list=heads]");
    for (const name of this.about.heads) {
      const picked = element("input", { type: "radio", name: "head", value: name, className: "unseen", onchange: () => this.chooseHead(name) });
      heads.append(element("label", { title: name }, picked, element("img", { src: `/api/heads/${name}.png`, alt: name })));
    }
    const models = this.get("[data-input=model]");
    models.append(...this.about.models.map((one) => element("option", { value: one.name }, one.name)));
  }

  listen() {
    const { root } = this;
    root.querySelector("[data-file=speech]").onchange = (event) => this.files("speech", event.target);
    root.querySelector("[data-file=frame]").onchange = (event) => this.files("frame", event.target);
    for (const zone of root.querySelectorAll("[data-drop]")) {
      zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over-it"); });
      zone.addEventListener("dragleave", () => zone.classList.remove("over-it"));
      zone.addEventListener("drop", (event) => {
        event.preventDefault();
        zone.classList.remove("over-it");
        const [file] = event.dataTransfer.files;
        if (file) this.open(zone.dataset.drop, file);
      });
    }
    const act = {
      record: () => this.record(), stop: () => this.stopRecording(), hear: () => this.hear(),
      "other-speech": () => this.setSpeech(null), suggest: () => this.suggest(), whole: () => this.whole(), make: () => this.make(),
    };
    root.addEventListener("click", (event) => act[event.target.closest("[data-action]")?.dataset.action]?.());
    this.get("[data-input=model]").onchange = () => { this.tell(); this.suggest(); };
    this.get("[data-input=number]").oninput = (event) => this.scrub(Number(event.target.value));
    this.get("[data-input=number]").onchange = () => { if (!this.drawn) this.suggest(); };
    for (const field of root.querySelectorAll("[data-region]")) {
      field.onchange = () => {
        const now = Object.fromEntries([...root.querySelectorAll("[data-region]")].map((one) => [one.dataset.region, Number(one.value)]));
        this.editor.change(now);
      };
    }
    new ResizeObserver(() => this.wave()).observe(this.get("[data-canvas=speech]"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.wave());
  }

  files(what, input) {
    const [file] = input.files;
    input.value = "";
    if (file) this.open(what, file);
  }

  open(what, file) {
    if (what === "speech") this.take(() => send(file, file.name), file.name);
    else this.openFrame(file);
  }

  busy(zone, name) {
    zone.classList.toggle("busy", Boolean(name));
    zone.dataset.busy = name ? say("decoding", { name }) : "";
  }

  async take(sending, name) {
    const zone = this.get("[data-drop=speech]");
    this.busy(zone, name);
    try {
      const told = await sending();
      if (told.seconds === null) throw Object.assign(new Error(say("noSound")), { code: "here" });
      await this.setSpeech(told);
    } catch (problem) { this.notice(problem); } finally { this.busy(zone, ""); }
  }

  async setSpeech(told) {
    this.speech = told;
    this.stopHearing();
    this.sound = told && (await speechOf(told.id));
    this.get("[data-drop=speech]").hidden = Boolean(told);
    this.get("[data-chosen=speech]").hidden = !told;
    this.tell();
    this.wave();
  }

  wave() {
    const canvas = this.get("[data-canvas=speech]"), box = canvas.getBoundingClientRect();
    if (!this.sound || !box.width) return;
    canvas.width = Math.round(box.width * Math.min(2, devicePixelRatio));
    canvas.height = Math.round(box.height * Math.min(2, devicePixelRatio));
    paintWaveform(canvas, this.sound, 0, this.sound.data.length / this.sound.rate, inkOf(this.root));
  }

  hear() {
    if (this.heard) { this.stopHearing(); return; }
    this.heard = new Audio(`/api/items/${this.speech.id}/speech.wav`);
    this.heard.onended = () => this.stopHearing();
    this.heard.play().catch(() => this.stopHearing());
    this.get("[data-action=hear]").textContent = say("stop");
  }

  stopHearing() {
    this.heard?.pause();
    this.heard = null;
    this.get("[data-action=hear]").textContent = say("listen");
  }

  async record() {
    this.recorder = new Recorder();
    const told = this.get("[data-show=recorded]"), meter = this.get(".meter i");
    try {
      if (!navigator.mediaDevices) throw new Error(say("insecure"));
      await this.recorder.start((seconds, peak) => {
        told.textContent = say("seconds", { n: seconds.toFixed(1) });
        meter.style.width = `${Math.min(100, 100 * Math.sqrt(peak))}%`;
        if (seconds >= this.about.limits.seconds) this.stopRecording();
      });
    } catch (problem) {
      this.notice(Object.assign(new Error(say("noMicrophone", { why: problem.message })), { code: "here" }));
      return;
    }
    this.get("[data-drop=speech]").hidden = true;
    this.get(".recording").hidden = false;
  }

  async stopRecording() {
    const recorder = this.recorder;
    this.recorder = null;
    if (!recorder) return;
    const blob = await recorder.stop();
    this.get(".recording").hidden = true;
    this.get("[data-drop=speech]").hidden = false;
    const name = `${new Date().toTimeString().slice(0, 8).replaceAll(":", ".")}.wav`;
    await this.take(() => send(blob, name), name);
  }

  async openFrame(file) {
    const zone = this.get("[data-drop=frame]");
    this.busy(zone, file.name);
    try {
      const told = await send(file, file.name);
      if (told.pictures === null) throw Object.assign(new Error(say("needFrame")), { code: "here" });
      await this.setMovie(told);
      if (told.kind === "movie") put(told);
    } catch (problem) { this.notice(problem); } finally { this.busy(zone, ""); }
  }

  async setMovie(told) {
    this.movie = new Movie(told);
    for (const one of this.root.querySelectorAll("[name=head]")) one.checked = false;
    const scrub = this.get(".scrub");
    scrub.hidden = this.movie.frames < 2;
    this.get("[data-input=number]").max = String(this.movie.frames - 1);
    this.get("[data-input=number]").value = "0";
    await this.scrub(0, true);
  }

  async scrub(number, fresh = false) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.get("[data-show=number]").textContent = `${number} / ${this.movie.frames - 1}`;
    const image = await this.movie.frame(number);
    if (turn !== this.turn) return;
    this.setFrame({ item: this.movie.id, number }, image, fresh);
  }

  async chooseHead(name) {
    const picked = this.get(`[name=head][value="${name}"]`);
    if (!picked) return;
    picked.checked = true;
    this.movie = null;
    this.get(".scrub").hidden = true;
    const image = new Image();
    image.src = `/api/heads/${name}.png`;
    await image.decode();
    const flat = new OffscreenCanvas(image.width, image.height), brush = flat.getContext("2d");
    brush.drawImage(image, 0, 0);
    this.setFrame({ head: name }, brush.getImageData(0, 0, image.width, image.height), true);
  }

  setFrame(frame, image, fresh) {
    this.frame = frame;
    this.image = image;
    this.editor.show(image);
    if (fresh) { this.drawn = false; this.region(null); this.suggest(); }
    this.tell();
  }

  region(region) {
    this.editor.set(region);
    for (const field of this.root.querySelectorAll("[data-region]")) field.value = region ? String(region[field.dataset.region]) : "";
    this.tell();
  }

  hint(word) {
    this.said = word;
    this.get("[data-show=region-hint]").textContent = word ? say(word) : "";
  }

  whole() {
    if (!this.image) return;
    this.editor.change({ x: 0, y: 0, width: this.image.width, height: this.image.height });
  }

  async suggest() {
    const model = this.get("[data-input=model]").value;
    if (!this.frame || !model) return;
    const asked = ++this.asked;
    this.drawn = false;
    this.hint("regionLooking");
    try {
      const found = await askJson("/api/suggestions", { frame: this.frame, model });
      if (asked !== this.asked || this.drawn) return;
      if (found.region) {
        const [x, y, width, height] = found.region.split(",").map(Number);
        this.region({ x, y, width, height });
      } else this.region(null);
      this.hint(found.looks_right ? "looksRight" : !found.head ? "noHead" : found.region ? "regionFound" : "regionNone");
    } catch (problem) {
      if (asked === this.asked) { this.hint(null); this.notice(problem); }
    }
  }

  tell() {
    const model = this.about.models.find((one) => one.name === this.get("[data-input=model]").value);
    this.get("[data-show=model-facts]").textContent = !model ? say("noModel")
      : say("modelFacts", model) + (model.notes ? ` ${say("trainedOn", model)}` : "");
    this.get("[data-input=model]").closest("label").hidden = !model;
    if (this.speech) {
      this.get("[data-show=speech]").textContent = this.speech.name;
      this.get("[data-show=speech-facts]").textContent = say("seconds", { n: this.speech.seconds.toFixed(1) });
      this.get("[data-action=hear]").textContent = say(this.heard ? "stop" : "listen");
    }
    if (this.said) this.hint(this.said);
    const missing = !model ? "" : !this.speech ? "needSpeech" : !this.frame ? "needFrame" : "";
    this.get("[data-show=why-not]").textContent = missing ? say(missing) : "";
    this.get("[data-action=make]").disabled = Boolean(missing) || !model;
  }

  async make() {
    const button = this.get("[data-action=make]"), region = this.editor.region;
    button.disabled = true;
    try {
      put(await askJson("/api/movies", {
        speech: this.speech.id, frame: this.frame, model: this.get("[data-input=model]").value,
        region: this.drawn && region ? `${region.x},${region.y},${region.width},${region.height}` : null,
        flip: this.get("[data-input=flip]").checked, denoise: this.get("[data-input=denoise]").checked,
        doubt: this.get("[data-input=doubt]").checked,
      }));
      document.querySelector(".shelf").scrollIntoView({ block: "nearest", behavior: "smooth" });
    } catch (problem) { this.notice(problem); } finally { this.tell(); }
  }
}
