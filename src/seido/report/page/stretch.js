"use strict";
/* Speech slowed down at its own pitch: overlapping pieces, each moved to where it continues the one before it best
   (waveform-similarity overlap-add, Verhelst and Roelands 1993). */
function stretch(speech, speed, rate) {
  if (speed === 1) return speech;
  const hop = Math.round(rate * 0.02), size = 2 * hop, reach = Math.round(rate * 0.008);
  const length = Math.ceil(speech.length / speed);
  const input = new Float32Array(speech.length + 2 * reach + 2 * size);
  input.set(speech, reach);
  const output = new Float32Array(length + size);
  let follow = -1;
  for (let at = 0; at < length; at += hop) {
    const wanted = reach + Math.round(at * speed);
    let best = wanted;
    if (follow >= 0) {
      let most = -Infinity;
      for (let begin = wanted - reach; begin <= wanted + reach; begin += 2) {
        let product = 0, energy = 1e-9;
        for (let i = 0; i < hop; i += 4) {
          product += input[begin + i] * input[follow + i];
          energy += input[begin + i] * input[begin + i];
        }
        const likeness = product / Math.sqrt(energy);
        if (likeness > most) { most = likeness; best = begin; }
      }
    }
    for (let i = 0; i < size; i++) {
      output[at + i] += input[best + i] * (0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / size));
    }
    follow = best + hop;
  }
  return output.subarray(0, length);
}
