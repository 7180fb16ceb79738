/* Recording from the microphone into a WAV file, 16 bit, mono, at the microphone's own rate. */
export class Recorder {
  async start(heard) {
    const microphone = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: microphone });
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("/page/capture.js");
    this.blocks = [];
    this.count = 0;
    this.node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    this.node.port.onmessage = ({ data }) => {
      this.blocks.push(data);
      this.count += data.length;
      let peak = 0;
      for (const value of data) peak = Math.max(peak, Math.abs(value));
      heard(this.count / this.context.sampleRate, peak);
    };
    this.context.createMediaStreamSource(this.stream).connect(this.node);
    await this.context.resume();
  }

  async stop() {
    this.node.port.onmessage = null;
    for (const track of this.stream.getTracks()) track.stop();
    const rate = this.context.sampleRate;
    await this.context.close();
    return wav(this.blocks, this.count, rate);
  }
}

export function wav(blocks, count, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * count, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * count, true);
  let at = 44;
  for (const block of blocks) {
    for (const value of block) {
      view.setInt16(at, Math.round(Math.min(1, Math.max(-1, value)) * 32767), true);
      at += 2;
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}
