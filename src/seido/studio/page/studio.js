/* The page begins here: languages, views by the address's end, and what to say when something fails. */
import { askJson } from "/page/api.js";
import { stopAll } from "/page/clock.js";
import { Compare } from "/page/compare.js";
import { Live } from "/page/live.js";
import { Make } from "/page/make.js";
import { See } from "/page/see.js";
import { restore, setUp } from "/page/shelf.js";
import { element } from "/page/tracks.js";
import { choose, say, sayProblem, translate, whenChosen } from "/page/words.js";

document.documentElement.classList.add("js");
const notices = document.getElementById("notices");

export function notice(problem) {
  const text = problem.code && problem.code !== "here" ? sayProblem(problem) : problem.message;
  const close = element("button", { type: "button", className: "quiet", onclick: () => shown.remove() }, say("close"));
  const shown = element("div", { className: "notice", role: "alert" }, element("b", {}, say("problem")), element("span", {}, text), close);
  notices.replaceChildren(shown);
}

function route(views) {
  const [name, id] = location.hash.slice(1).split("/");
  const view = views[name] ? name : "make";
  stopAll();
  if (view !== "live") views.live.stop();
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  if (id && /^[\w-]{24}$/.test(id)) {
    if (view === "see") views.see.open(id);
    if (view === "compare") views.compare.offer(id);
  }
}

async function begin() {
  for (const button of document.querySelectorAll("[data-language]")) button.onclick = () => choose(button.dataset.language);
  translate();
  let about;
  try { about = await askJson("/api/about"); } catch (problem) {
    notice(problem);
    notices.firstChild.append(element("button", { type: "button", onclick: () => location.reload() }, say("tryAgain")));
    return;
  }
  const views = {};
  const toMovie = (view) => (id) => { location.hash = `${view}/${id}`; window.scrollTo(0, 0); };
  const hours = () => { document.querySelector("[data-show=kept]").textContent = say("kept", { n: about.limits.hours }); };
  setUp(document.querySelector("[data-list=shelf]"), { see: toMovie("see"), compare: toMovie("compare") });
  views.make = new Make(document.getElementById("make"), about, notice);
  views.see = new See(document.getElementById("see"), about, notice);
  views.compare = new Compare(document.getElementById("compare"), about, notice);
  views.live = new Live(document.getElementById("live"), about, notice);
  whenChosen(hours);
  hours();
  await restore();
  addEventListener("hashchange", () => route(views));
  route(views);
  document.documentElement.dataset.ready = "true";
}

begin();
