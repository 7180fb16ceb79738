/* A movie of the studio: its frames, exact and found by number, and its sound. */
import { ask, item as askItem } from "/page/api.js";

const CHUNK_BYTES = 2 << 20;
const KEPT_BYTES = 160 << 20;

export function fraction(text) {
  const [over, under = "1"] = text.split("/");
  return Number(over) / Number(under);
}

export class Movie {
  constructor(told) {
    const { frames, height, width, channels, rate } = told.pictures;
    Object.assign(this, { told, id: told.id, name: told.name, frames, height, width, channels });
    this.rate = fraction(rate);
    this.length = frames / this.rate;
    this.size = width * height * channels;
    this.many = Math.max(1, Math.floor(CHUNK_BYTES / this.size));
    this.chunks = new Map();
    this.speech = null;
  }

  static async open(id) { return new Movie(await askItem(id)); }

  at(time) { return Math.min(this.frames - 1, Math.max(0, Math.floor(time * this.rate + 1e-6))); }

  middle(frame) { return (Math.min(this.frames - 1, Math.max(0, frame)) + 0.5) / this.rate; }

  load(number) {
    let chunk = this.chunks.get(number);
    if (chunk) {
      this.chunks.delete(number);
    } else {
      chunk = { bytes: null };
      chunk.coming = ask(`/api/items/${this.id}/frames?first=${number * this.many}&count=${this.many}`)
        .then((answer) => answer.arrayBuffer())
        .then((buffer) => { chunk.bytes = new Uint8Array(buffer); return chunk; })
        .catch((problem) => { this.chunks.delete(number); throw problem; });
      if (this.chunks.size * this.many * this.size > KEPT_BYTES) this.chunks.delete(this.chunks.keys().next().value);
    }
    this.chunks.set(number, chunk); // the youngest stands last
    return chunk;
  }

  /* A frame's pixels, or null while they are still coming. */
  now(frame) {
    const number = Math.floor(frame / this.many);
    const chunk = this.load(number);
    if ((number + 1) * this.many < this.frames) this.load(number + 1).coming.catch(() => {});
    if (!chunk.bytes) return null;
    const begin = (frame - number * this.many) * this.size;
    return this.image(chunk.bytes.subarray(begin, begin + this.size));
  }

  async frame(frame) {
    const number = Math.floor(frame / this.many);
    await this.load(number).coming;
    return this.now(frame);
  }

  image(bytes) {
    const image = new ImageData(this.width, this.height), pixels = image.data;
    if (this.channels === 1) {
      for (let i = 0, j = 0; i < bytes.length; i++, j += 4) {
        pixels[j] = pixels[j + 1] = pixels[j + 2] = bytes[i];
        pixels[j + 3] = 255;
      }
    } else {
      for (let i = 0, j = 0; i < bytes.length; i += 3, j += 4) {
        pixels[j] = bytes[i]; pixels[j + 1] = bytes[i + 1]; pixels[j + 2] = bytes[i + 2]; pixels[j + 3] = 255;
      }
    }
    return image;
  }

  async sound() {
    if (this.told.seconds === null) return null;
    this.speech ??= await speechOf(this.id);
    return this.speech;
  }
}

/* 16-bit mono WAV as the studio writes it: chunks after a head of 12 bytes. */
export async function speechOf(id) {
  const view = new DataView(await (await ask(`/api/items/${id}/speech.wav`)).arrayBuffer());
  let at = 12, rate = 16_000;
  while (at + 8 <= view.byteLength) {
    const kind = view.getUint32(at, false), size = view.getUint32(at + 4, true);
    if (kind === 0x666d7420) rate = view.getUint32(at + 12, true);
    if (kind === 0x64617461) {
      const data = new Float32Array(Math.min(size, view.byteLength - at - 8) >> 1);
      for (let i = 0; i < data.length; i++) data[i] = view.getInt16(at + 8 + 2 * i, true) / 32768;
      return { data, rate };
    }
    at += 8 + size + (size & 1);
  }
  return { data: new Float32Array(1), rate };
}
