/* Wide-band spectrogram, as ink on paper: 8 ms windows, 0 to half the sound's rate, the loudest 50 dB of what is shown. */
const SIZE = 256, WINDOW = 128, SHOWN_DB = 50;
const shape = Float32Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / WINDOW));
const turns = Float32Array.from({ length: SIZE }, (_, i) => (i % 2 ? Math.sin : Math.cos)((2 * Math.PI * (i >> 1)) / SIZE));

/* In place, radix 2 (Cooley and Tukey 1965). */
function transform(re, im) {
  for (let i = 1, j = 0; i < SIZE; i++) {
    let bit = SIZE >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j |= bit;
    if (i < j) { [re[i], re[j]] = [re[j], re[i]]; [im[i], im[j]] = [im[j], im[i]]; }
  }
  for (let length = 2; length <= SIZE; length <<= 1) {
    const half = length >> 1, stride = SIZE / length;
    for (let i = 0; i < SIZE; i += length) {
      for (let k = 0; k < half; k++) {
        const c = turns[2 * k * stride], s = -turns[2 * k * stride + 1];
        const a = i + k, b = a + half;
        const x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
        re[b] = re[a] - x; im[b] = im[a] - y;
        re[a] += x; im[a] += y;
      }
    }
  }
}

/* Paint the sound from `start` to `end` (seconds) onto a canvas's whole size, in an ink [r, g, b]. */
export function paintSpectrogram(canvas, { data, rate }, start, end, ink) {
  const columns = Math.max(1, Math.min(canvas.width, 1400)), bands = SIZE / 2;
  const levels = new Float32Array(columns * bands), re = new Float32Array(SIZE), im = new Float32Array(SIZE);
  let loudest = -Infinity;
  for (let x = 0; x < columns; x++) {
    const middle = Math.round((start + ((end - start) * (x + 0.5)) / columns) * rate);
    re.fill(0); im.fill(0);
    for (let i = 0; i < WINDOW; i++) {
      const at = middle - WINDOW / 2 + i;
      re[i] = ((data[at] ?? 0) - 0.95 * (data[at - 1] ?? 0)) * shape[i];
    }
    transform(re, im);
    for (let band = 0; band < bands; band++) {
      const level = 10 * Math.log10(re[band] * re[band] + im[band] * im[band] + 1e-9);
      levels[x * bands + band] = level;
      if (level > loudest) loudest = level;
    }
  }
  const small = new OffscreenCanvas(columns, bands), brush = small.getContext("2d");
  const image = brush.createImageData(columns, bands);
  for (let x = 0; x < columns; x++) {
    for (let band = 0; band < bands; band++) {
      const share = Math.max(0, 1 + (levels[x * bands + band] - loudest) / SHOWN_DB);
      const at = 4 * ((bands - 1 - band) * columns + x);
      image.data[at] = ink[0]; image.data[at + 1] = ink[1]; image.data[at + 2] = ink[2];
      image.data[at + 3] = Math.round(255 * share ** 1.5);
    }
  }
  brush.putImageData(image, 0, 0);
  const paper = canvas.getContext("2d");
  paper.clearRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(small, 0, 0, canvas.width, canvas.height);
}

/* Paint lowest and highest samples from `start` to `end` onto a canvas. */
export function paintWaveform(canvas, { data, rate }, start, end, ink) {
  const brush = canvas.getContext("2d"), { width, height } = canvas;
  brush.clearRect(0, 0, width, height);
  brush.fillStyle = `rgb(${ink.join(" ")} / 78%)`;
  let peak = 0.02;
  for (let i = 0; i < data.length; i += 7) peak = Math.max(peak, Math.abs(data[i]));
  for (let x = 0; x < width; x++) {
    const from = Math.max(0, Math.floor((start + ((end - start) * x) / width) * rate));
    const to = Math.min(data.length, Math.max(from + 1, Math.ceil((start + ((end - start) * (x + 1)) / width) * rate)));
    if (from >= data.length) break;
    let low = Infinity, high = -Infinity;
    const skip = Math.max(1, Math.floor((to - from) / 400));
    for (let i = from; i < to; i += skip) { if (data[i] < low) low = data[i]; if (data[i] > high) high = data[i]; }
    const top = (0.5 - (0.48 * high) / peak) * height, foot = (0.5 - (0.48 * low) / peak) * height;
    brush.fillRect(x, top, 1, Math.max(1, foot - top));
  }
}
