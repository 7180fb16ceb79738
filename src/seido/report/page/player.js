(() => {
  document.documentElement.classList.add("js");
  let context = null;
  let playing = null;

  /* A cursor stands in the middle of the frame that is shown: stepping can never fall between two frames. */
  class Player {
    constructor(root) {
      this.root = root;
      this.loaded = null;
      this.time = 0;
      this.speed = 1;
      this.loop = null;
      this.shown = -1;
      this.spec = null;
      this.canvases = {};
      for (const canvas of root.querySelectorAll("canvas")) this.canvases[canvas.dataset.panel] = canvas;
      this.cursor = root.querySelector(".cursor");
      this.band = root.querySelector(".loop");
      this.length = parseFloat(this.cursor.getAttribute("aria-valuemax"));
      this.listen();
    }

    load() {
      this.loaded ??= (async () => {
        const spec = JSON.parse(this.root.querySelector("script").textContent);
        this.rate = spec.rate[0] / spec.rate[1];
        this.frames = spec.frames;
        for (const name of ["true", "generated"]) {
          spec[name].pictures = await Promise.all(spec[name].sheets.map(picture));
          spec[name].sheets = null;
        }
        this.spec = spec;
        this.speech = samples(spec.speech);
        spec.speech = null;
        this.seek(this.time);
        this.root.dataset.ready = "true";
      })();
      return this.loaded;
    }

    draw(frame) {
      if (frame === this.shown) return;
      this.shown = frame;
      const pixels = {};
      for (const name of ["true", "generated"]) {
        const { pictures, columns, rows, tile } = this.spec[name];
        const canvas = this.canvases[name];
        const brush = canvas.getContext("2d", { willReadFrequently: true });
        const at = frame % (columns * rows);
        brush.drawImage(
          pictures[Math.floor(frame / (columns * rows))],
          (at % columns) * tile[1], Math.floor(at / columns) * tile[0], canvas.width, canvas.height,
          0, 0, canvas.width, canvas.height,
        );
        pixels[name] = brush.getImageData(0, 0, canvas.width, canvas.height);
      }
      const before = pixels.true.data, after = pixels.generated.data;
      for (let i = 0; i < after.length; i += 4) {
        after[i] = after[i + 1] = after[i + 2] = 128 + after[i + 1] - before[i + 1];
      }
      this.canvases.difference.getContext("2d", { willReadFrequently: true }).putImageData(pixels.generated, 0, 0);
    }

    seek(time) {
      this.time = Math.min(Math.max(time, 0), this.length);
      this.cursor.style.left = `${(100 * this.time) / this.length}%`;
      if (!this.spec) return;
      const frame = this.frame();
      this.draw(frame);
      this.root.dataset.frame = frame;
      const told = `frame ${frame} of ${this.frames} · ${this.time.toFixed(3)} s`;
      this.root.querySelector("[data-show=where]").textContent = told;
      this.cursor.setAttribute("aria-valuenow", this.time.toFixed(3));
      this.cursor.setAttribute("aria-valuetext", told);
    }

    frame() {
      return Math.min(this.frames - 1, Math.max(0, Math.floor(this.time * this.rate + 1e-6)));
    }

    async step(by) {
      this.pause();
      await this.load();
      const frame = Math.min(this.frames - 1, Math.max(0, this.frame() + by));
      this.seek((frame + 0.5) / this.rate);
    }

    async play() {
      if (playing && playing !== this) playing.pause();
      playing = this;
      this.face("playing", "❚❚", "pause");
      await this.load();
      await awake();
      if (playing !== this) return;
      const last = this.loop ? this.loop.end : this.length;
      if (this.time >= last - 1e-3 || (this.loop && this.time < this.loop.start)) this.seek(this.loop ? this.loop.start : 0);
      this.sound();
      const heard = this.source ? (context.outputLatency || context.baseLatency || 0) : 0;
      const clock = this.source ? () => context.currentTime - heard : () => performance.now() / 1000;
      const began = this.source ? context.currentTime : clock();
      const from = this.time;
      const tick = () => {
        if (playing !== this || this.began !== began) return;
        let now = from + Math.max(0, clock() - began) * this.speed;
        if (this.loop && now >= this.loop.end) {
          now = this.loop.start + ((now - this.loop.start) % (this.loop.end - this.loop.start));
        }
        this.seek(now);
        if (!this.loop && now >= this.length) this.pause();
        else requestAnimationFrame(tick);
      };
      this.began = began;
      requestAnimationFrame(tick);
    }

    sound() {
      this.silence();
      if (!context || context.state !== "running") return;
      const slow = stretch(this.speech.data, this.speed, this.speech.rate);
      const buffer = context.createBuffer(1, slow.length, this.speech.rate);
      buffer.copyToChannel(slow, 0);
      this.source = context.createBufferSource();
      this.source.buffer = buffer;
      this.source.connect(context.destination);
      if (this.loop) {
        this.source.loop = true;
        this.source.loopStart = this.loop.start / this.speed;
        this.source.loopEnd = this.loop.end / this.speed;
      }
      this.source.start(0, Math.min(this.time / this.speed, buffer.duration));
    }

    silence() {
      if (this.source) { this.source.stop(); this.source.disconnect(); }
      this.source = null;
    }

    pause() {
      if (playing === this) playing = null;
      this.began = null;
      this.silence();
      this.face("paused", "▶", "play");
    }

    again() {
      if (playing === this) { this.began = null; this.play(); }
    }

    face(state, sign, told) {
      const button = this.root.querySelector("[data-action=play]");
      this.root.dataset.state = state;
      button.textContent = sign;
      button.title = told;
      button.setAttribute("aria-label", told);
    }

    repeat(piece) {
      for (const other of this.root.querySelectorAll("[aria-pressed=true]")) other.setAttribute("aria-pressed", "false");
      this.loop = null;
      if (piece) {
        this.loop = { start: parseFloat(piece.dataset.start), end: parseFloat(piece.dataset.end) };
        this.band.style.left = `${(100 * this.loop.start) / this.length}%`;
        this.band.style.width = `${(100 * (this.loop.end - this.loop.start)) / this.length}%`;
        piece.setAttribute("aria-pressed", "true");
        this.seek(this.loop.start);
      }
      this.band.hidden = !piece;
      this.root.querySelector("[data-action=unloop]").hidden = !piece;
    }

    listen() {
      const root = this.root;
      const act = {
        play: () => (playing === this ? this.pause() : this.play()),
        back: () => this.step(-1),
        on: () => this.step(1),
        unloop: () => { this.repeat(null); this.again(); },
      };
      root.addEventListener("click", (event) => {
        const piece = event.target.closest(".tier button");
        const button = event.target.closest("button[data-action]");
        if (piece) {
          const ends = piece.getAttribute("aria-pressed") === "true";
          this.repeat(ends ? null : piece);
          if (ends) this.pause();
          else { this.began = null; this.play(); }
        } else if (button) act[button.dataset.action]();
      });
      root.addEventListener("input", (event) => {
        if (event.target.dataset.action === "lines") root.classList.toggle("no-lines", !event.target.checked);
        if (event.target.dataset.action !== "speed") return;
        root.querySelector("[data-show=speed]").textContent = `${+(+event.target.value).toFixed(2)}×`;
      });
      root.addEventListener("change", (event) => {
        if (event.target.dataset.action !== "speed") return;
        this.speed = +event.target.value;
        this.again();
      });
      for (const lane of root.querySelectorAll(".track:not(.tier) .lane")) {
        const to = (event) => {
          const box = lane.getBoundingClientRect();
          this.load();
          this.seek((this.length * (event.clientX - box.left)) / box.width);
        };
        lane.addEventListener("pointerdown", (event) => {
          if (event.button) return;
          lane.setPointerCapture(event.pointerId);
          this.resume = playing === this;
          this.pause();
          to(event);
        });
        lane.addEventListener("pointermove", (event) => lane.hasPointerCapture(event.pointerId) && to(event));
        lane.addEventListener("pointerup", () => { if (this.resume) this.play(); this.resume = false; });
        lane.addEventListener("dragstart", (event) => event.preventDefault());
      }
      root.addEventListener("keydown", (event) => this.key(event));
    }

    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input")) return;
      const piece = event.target.closest(".tier button");
      const arrow = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (piece && arrow) {
        const next = arrow < 0 ? piece.previousElementSibling : piece.nextElementSibling;
        if (next) { piece.tabIndex = -1; next.tabIndex = 0; next.focus(); }
      } else if (arrow) this.step(arrow * (event.shiftKey ? 5 : 1));
      else if (event.key === "Home") this.step(-Infinity);
      else if (event.key === "End") this.step(Infinity);
      else if (event.key === "Escape" && this.loop) { this.repeat(null); this.again(); }
      else if (event.key === " " && !event.target.matches("button")) (playing === this ? this.pause() : this.play());
      else return;
      event.preventDefault();
    }
  }

  async function picture(address) {
    const image = new Image();
    image.src = address;
    await image.decode();
    return image;
  }

  /* 16-bit mono WAV as the page writes it: 44 bytes of head, then samples. */
  function samples(address) {
    const raw = atob(address.slice(address.indexOf(",") + 1));
    const bytes = Uint8Array.from(raw, (sign) => sign.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const data = new Float32Array((bytes.length - 44) / 2);
    for (let i = 0; i < data.length; i++) data[i] = view.getInt16(44 + 2 * i, true) / 32768;
    return { data, rate: view.getUint32(24, true) };
  }

  /* Without a sound device the pictures run all the same. */
  async function awake() {
    try {
      context ??= new AudioContext();
      await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 300))]);
    } catch { context = null; }
  }

  const players = new Map();
  for (const root of document.querySelectorAll(".player")) players.set(root, new Player(root));
  const watcher = new IntersectionObserver(
    (seen) => seen.forEach((one) => { if (one.isIntersecting) { watcher.unobserve(one.target); players.get(one.target).load(); } }),
    { rootMargin: "100% 0px" },
  );
  for (const root of players.keys()) watcher.observe(root);
})();
