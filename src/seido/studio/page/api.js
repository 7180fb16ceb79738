/* Talking with the studio: every failure becomes a Problem with a code and a sentence. */
export class Problem extends Error {
  constructor({ code, message, facts }) {
    super(message);
    this.code = code;
    this.facts = facts ?? {};
  }
}

const client = word("seido-client", () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (n) => n.toString(16)).join(""));

function word(key, make) {
  try {
    const found = localStorage.getItem(key) ?? make();
    localStorage.setItem(key, found);
    return found;
  } catch { return make(); }
}

export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { "X-Client": client, ...options.headers } });
  } catch { throw new Problem({ code: "offline", message: "the studio does not answer" }); }
  if (answer.ok) return answer;
  let told = { code: "internal", message: `${answer.status}` };
  try { told = await answer.json(); } catch { /* no JSON: a proxy's own page */ }
  throw new Problem(told);
}

export async function askJson(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
  };
  return (await ask(path, options)).json();
}

export async function send(file, name) {
  const options = { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } };
  return (await ask(`/api/items?name=${encodeURIComponent(name.slice(0, 200))}`, options)).json();
}

export const item = (id) => askJson(`/api/items/${id}`);
export const cancel = (id) => askJson(`/api/items/${id}/cancel`, {});
export const remove = (id) => ask(`/api/items/${id}`, { method: "DELETE" });
export const sample = (name) => askJson(`/api/samples/${encodeURIComponent(name)}`, {});

/* Calls back with the item whenever it changes, until it has ended; with a Problem when it is gone. */
export function watch(id, changed) {
  const source = new EventSource(`/api/items/${id}/events`);
  const ended = new Set(["done", "failed", "cancelled"]);
  source.onmessage = (event) => {
    const told = JSON.parse(event.data);
    if (ended.has(told.state)) source.close();
    changed(told);
  };
  source.addEventListener("gone", (event) => { source.close(); changed(null, new Problem(JSON.parse(event.data))); });
  source.onerror = async () => {
    if (source.readyState !== EventSource.CLOSED) return;
    try { changed(await item(id)); } catch (problem) { changed(null, problem); }
  };
  return () => source.close();
}

export async function download(path, name, body) {
  const options = body === undefined ? {} : {
    method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
  };
  const address = URL.createObjectURL(await (await ask(path, options)).blob());
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
