/* What this browser has made or opened: ids kept in the browser, everything else asked of the studio. */
import { cancel, item, remove, watch } from "/page/api.js";
import { element } from "/page/tracks.js";
import { say, sayProblem, whenChosen } from "/page/words.js";

const KEY = "seido-shelf";
const MOST = 60;
const items = new Map();
const listeners = [];
let list = null;
let openers = {};

function stored() {
  try { return JSON.parse(localStorage.getItem(KEY) ?? "[]").filter((id) => /^[\w-]{24}$/.test(id)); } catch { return []; }
}

function keep() {
  try { localStorage.setItem(KEY, JSON.stringify([...items.keys()].slice(-MOST))); } catch { /* private windows */ }
}

export function movies() {
  return [...items.values()].filter((one) => one.kind === "movie" && one.state === "done").reverse();
}

export function whenShelfChanges(listener) { listeners.push(listener); }

function tell() { for (const listener of listeners) listener(); }

export function title(one) {
  const { frame, model } = one.facts;
  return model ? `${one.name} → ${frame}` : one.name;
}

/* Put an item on the shelf and follow it until it has ended. */
export function put(one) {
  items.set(one.id, one);
  keep();
  draw();
  if (one.state === "waiting" || one.state === "working") {
    watch(one.id, (told, problem) => {
      if (!items.has(one.id)) return;
      const before = items.get(one.id);
      items.set(one.id, told ?? { ...before, state: "failed", problem });
      drawOne(one.id);
      if (!told || told.state === "done") tell();
    });
  } else tell();
}

export async function restore() {
  for (const id of stored()) {
    try { put(await item(id)); } catch { /* its time is over */ }
  }
  keep();
}

export function setUp(place, opened) {
  list = place;
  openers = opened;
  whenChosen(draw);
  draw();
}

function draw() {
  if (!list) return;
  list.replaceChildren(...[...items.keys()].reverse().map(card));
  document.querySelector(".shelf .empty").hidden = items.size > 0;
}

/* While it is being made only the figures change: buttons keep the focus. */
function drawOne(id) {
  const old = list.querySelector(`[data-item="${id}"]`), one = items.get(id), bar = old?.querySelector("progress");
  if (bar && old.dataset.state === one.state) {
    old.querySelector(".state").textContent = state(one);
    if (one.progress.stage === "frames") bar.value = one.progress.done / one.progress.total;
  } else old?.replaceWith(card(id));
}

function state(one) {
  const { stage, done, total } = one.progress;
  if (one.state === "waiting") return one.place ? say("waiting", { n: one.place }) : say("waitingNext");
  if (one.state === "working") return say(`stage_${stage || "start"}`, { done, total });
  if (one.state === "failed") return `${say("failed")}: ${sayProblem(one.problem)}`;
  if (one.state === "cancelled") return say("cancelled");
  return `${one.pictures.width} × ${one.pictures.height}, ${say("seconds", { n: one.pictures.seconds.toFixed(1) })}`;
}

function card(id) {
  const one = items.get(id), running = one.state === "waiting" || one.state === "working";
  const picture = element("div", { className: "thumb" });
  if (one.state === "done") {
    const middle = Math.floor(one.pictures.frames / 2);
    picture.append(element("img", { src: `/api/items/${id}/frames/${middle}.png`, alt: "", loading: "lazy" }));
  }
  const text = element("div", { className: "told" }, element("b", {}, one.name));
  if (one.facts.model) text.append(element("span", { className: "soft" }, say("made", one.facts)));
  text.append(element("span", { className: `state ${one.state}`, role: "status" }, state(one)));
  if (running) {
    const bar = element("progress", { max: 1 });
    if (one.progress.stage === "frames") bar.value = one.progress.done / one.progress.total;
    text.append(bar);
  }
  for (const remark of one.facts.remarks ?? []) text.append(element("span", { className: "remark" }, remark));
  const row = element("div", { className: "buttons" });
  const button = (word, act, kind = "") => row.append(element("button", { type: "button", className: kind, onclick: act }, say(word)));
  if (one.state === "done") {
    button("open", () => openers.see(id), "main");
    button("withThis", () => openers.compare(id));
  }
  if (running) button("cancel", async () => { try { items.set(id, await cancel(id)); } catch { /* it is gone */ } drawOne(id); });
  else {
    button("remove", async () => {
      items.delete(id);
      keep();
      draw();
      tell();
      try { await remove(id); } catch { /* it was gone already */ }
    }, "quiet");
  }
  const made = element("li", {}, picture, text, row);
  made.dataset.item = id;
  made.dataset.state = one.state;
  return made;
}

/* Fill a choice with the movies there are, keeping what was chosen. */
export function fill(select, none = "–") {
  const before = select.value;
  select.replaceChildren(element("option", { value: "" }, none), ...movies().map((one) => element("option", { value: one.id }, title(one))));
  select.value = items.has(before) ? before : "";
}
