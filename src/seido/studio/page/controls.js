/* The row of controls under the pictures, and the keys that do the same. */
import { element } from "/page/tracks.js";
import { say } from "/page/words.js";

function button(action, sign, word) {
  const made = element("button", { type: "button", title: say(word) }, sign);
  made.dataset.action = action;
  made.setAttribute("aria-label", say(word));
  return made;
}

/* Fills `place` and listens to keys on `root`; returns nothing: everything follows the clock. */
export function controls(place, root, clock, tracks, more = []) {
  const speed = element("input", { type: "range", min: "0.1", max: "1", step: "0.1", value: String(clock.speed) });
  speed.setAttribute("aria-label", say("speed"));
  const told = element("output", {}, `${clock.speed}×`);
  const where = element("output", { className: "where" });
  const play = button("play", "▶", "play"), loop = button("loop", "⟲", "loop");
  const pan = element("input", { type: "range", min: "0", max: "1", step: "0.001", value: "0", hidden: true });
  pan.setAttribute("aria-label", say("pan"));
  pan.className = "pan";
  place.replaceChildren(
    button("back", "◀|", "back"), play, button("on", "|▶", "on"), loop,
    element("label", {}, say("speed"), speed, told),
    button("out", "−", "zoomOut"), button("in", "+", "zoomIn"), button("selection", "⇥⇤", "zoomSelection"), button("all", "↔", "zoomAll"),
    pan, ...more, where,
  );
  const act = {
    play: () => (clock.playing ? clock.pause() : clock.play()),
    back: () => clock.step(-1),
    on: () => clock.step(1),
    loop: () => clock.set({ looping: !clock.looping }),
    in: () => tracks.zoom(0.5),
    out: () => tracks.zoom(2),
    all: () => tracks.show(0, clock.length),
    selection: () => clock.selection && tracks.show(clock.selection.start, clock.selection.end),
  };
  place.onclick = (event) => act[event.target.closest("[data-action]")?.dataset.action]?.();
  speed.oninput = () => { told.textContent = `${Number(speed.value)}×`; };
  speed.onchange = () => clock.set({ speed: Number(speed.value) });
  pan.oninput = () => {
    const span = tracks.end - tracks.start, from = Number(pan.value) * (clock.length - span);
    tracks.show(from, from + span);
  };
  tracks.root.addEventListener("view", () => {
    const span = tracks.end - tracks.start;
    pan.hidden = span > clock.length - 1e-6;
    if (!pan.hidden && document.activeElement !== pan) pan.value = String(tracks.start / (clock.length - span));
  }, { signal: tracks.stop.signal });
  const follow = () => {
    root.dataset.frame = clock.frame;
    root.dataset.state = clock.playing ? "playing" : "paused";
    where.textContent = say("where", { frame: clock.frame, frames: clock.frames, time: clock.time.toFixed(3) });
    play.textContent = clock.playing ? "❚❚" : "▶";
    play.title = say(clock.playing ? "pause" : "play");
    play.setAttribute("aria-label", play.title);
    loop.setAttribute("aria-pressed", String(clock.looping));
  };
  clock.whenMoved(follow);
  follow();
  root.onkeydown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    const label = event.target.closest(".tier button");
    const arrow = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const selection = clock.selection ?? { start: 0, end: clock.length };
    if (label && arrow) {
      const next = arrow < 0 ? label.previousElementSibling : label.nextElementSibling;
      if (next) { label.tabIndex = -1; next.tabIndex = 0; next.focus(); }
    } else if (label && event.key === "Enter") tracks.pick(Number(label.dataset.start), Number(label.dataset.end));
    else if (arrow) clock.step(arrow * (event.shiftKey ? 5 : 1));
    else if (event.key === "Home") clock.step(-Infinity);
    else if (event.key === "End") clock.step(Infinity);
    else if (event.key === "Escape") { clock.select(0, 0); tracks.paint(); }
    else if (event.key === "l" || event.key === "L") act.loop();
    else if (event.key === "[") clock.select(clock.time, selection.end);
    else if (event.key === "]") clock.select(selection.start, clock.time);
    else if (event.key === "+") act.in();
    else if (event.key === "-") act.out();
    else if (event.key === " " && !event.target.matches("button")) act.play();
    else return;
    event.preventDefault();
  };
}
