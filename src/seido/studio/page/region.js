/* A picture with a rectangle on it that can be drawn, moved and sized by pointer and by keyboard. */
const LEAST = 8;

export class RegionEditor {
  constructor(canvas, changed) {
    Object.assign(this, { canvas, changed, image: null, region: null });
    canvas.addEventListener("pointerdown", (event) => this.grab(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  show(image) {
    this.image = image;
    const side = Math.max(image.width, image.height);
    this.scale = Math.max(1, Math.min(4, Math.round(512 / side)));
    this.canvas.width = image.width * this.scale;
    this.canvas.height = image.height * this.scale;
    this.paint();
  }

  set(region) {
    this.region = region;
    this.paint();
  }

  paint() {
    if (!this.image) return;
    const brush = this.canvas.getContext("2d"), s = this.scale;
    const flat = new OffscreenCanvas(this.image.width, this.image.height);
    flat.getContext("2d").putImageData(this.image, 0, 0);
    brush.imageSmoothingQuality = "high";
    brush.drawImage(flat, 0, 0, this.canvas.width, this.canvas.height);
    if (!this.region) return;
    const { x, y, width, height } = this.region;
    const whole = x === 0 && y === 0 && width === this.image.width && height === this.image.height;
    if (!whole) {
      brush.fillStyle = "rgb(0 0 0 / 45%)";
      brush.beginPath();
      brush.rect(0, 0, this.canvas.width, this.canvas.height);
      brush.rect(x * s, y * s, width * s, height * s);
      brush.fill("evenodd");
    }
    brush.strokeStyle = "#ffb000";
    brush.lineWidth = 2;
    brush.strokeRect(x * s + 1, y * s + 1, width * s - 2, height * s - 2);
    brush.fillStyle = "#ffb000";
    for (const [cx, cy] of this.corners()) brush.fillRect(cx * s - 4, cy * s - 4, 8, 8);
  }

  corners() {
    const { x, y, width, height } = this.region;
    return [[x, y], [x + width, y], [x, y + height], [x + width, y + height]];
  }

  fit({ x, y, width, height }) {
    const w = Math.round(Math.min(Math.max(width, LEAST), this.image.width)), h = Math.round(Math.min(Math.max(height, LEAST), this.image.height));
    return {
      x: Math.round(Math.min(Math.max(x, 0), this.image.width - w)), y: Math.round(Math.min(Math.max(y, 0), this.image.height - h)), width: w, height: h,
    };
  }

  change(region) {
    this.region = this.fit(region);
    this.paint();
    this.changed(this.region);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * this.image.width, ((event.clientY - box.top) / box.height) * this.image.height];
  }

  /* A corner sizes, inside moves, elsewhere a new one is drawn. */
  grab(event) {
    if (!this.image || event.button) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    const [x0, y0] = this.place(event), before = this.region, box = this.canvas.getBoundingClientRect();
    const near = (14 * this.image.width) / box.width;
    let anchor = [x0, y0], moves = false;
    if (before) {
      const corners = this.corners();
      const hit = corners.findIndex(([x, y]) => Math.hypot(x - x0, y - y0) < near);
      const whole = before.width >= this.image.width && before.height >= this.image.height;
      if (hit >= 0 && !whole) anchor = corners[3 - hit];
      else moves = !whole && x0 > before.x && x0 < before.x + before.width && y0 > before.y && y0 < before.y + before.height;
    }
    const end = new AbortController(), options = { signal: end.signal };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointermove", (at) => {
      const [x, y] = this.place(at);
      if (moves) { this.change({ ...before, x: before.x + x - x0, y: before.y + y - y0 }); return; }
      if (Math.hypot(x - x0, y - y0) < 2) return;
      const [left, right] = [Math.max(0, Math.min(anchor[0], x)), Math.min(this.image.width, Math.max(anchor[0], x))];
      const [top, foot] = [Math.max(0, Math.min(anchor[1], y)), Math.min(this.image.height, Math.max(anchor[1], y))];
      this.change({ x: left, y: top, width: right - left, height: foot - top });
    }, options);
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, () => end.abort(), options);
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step || !this.image) return;
    event.preventDefault();
    const now = this.region ?? { x: 0, y: 0, width: this.image.width, height: this.image.height };
    if (event.shiftKey) this.change({ ...now, width: now.width + step[0], height: now.height + step[1] });
    else this.change({ ...now, x: now.x + step[0], y: now.y + step[1] });
  }
}
