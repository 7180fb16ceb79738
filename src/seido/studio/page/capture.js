/* Runs beside the page, in the sound's own thread: hands over what the microphone hears, block by block. */
class Capture extends AudioWorkletProcessor {
  process([input]) {
    if (input[0]) this.port.postMessage(input[0].slice());
    return true;
  }
}
registerProcessor("capture", Capture);
