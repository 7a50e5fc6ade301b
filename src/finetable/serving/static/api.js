// What the page asks the server; every fault becomes an Error whose message is a sentence.

const known = new Map();

/** The JSON of an address. */
export async function get(path, signal) {
  return (await answered(path, { signal })).json();
}

/** Send JSON, get JSON. */
export async function post(path, body = {}, signal) {
  return (await answered(path, sending(body, signal))).json();
}

/** Keep a file on the server to be learnt from. */
export async function upload(file) {
  const form = new FormData();
  form.append("purpose", "fine-tune");
  form.append("file", file, file.name);
  return (await answered("/v1/files", { method: "POST", body: form })).json();
}

/** The events of a stream, as they arrive. */
export async function* stream(path, body, signal) {
  const answer = await answered(path, sending({ ...body, stream: true }, signal));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      const event = JSON.parse(data);
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
}

/** Every model: those that are done before checkpoints before bases, and the newest first. */
export async function models() {
  const { data } = await get("/v1/models");
  const rank = (model) => (model.form === "text" ? 2 : isCheckpoint(model) ? 1 : 0);
  return data.sort((a, b) => rank(a) - rank(b) || b.created - a.created);
}

/** Whether a model was left by a job on its way. */
export function isCheckpoint(model) {
  return model.id.includes(":ckpt-step-");
}

/** How a model wants to be asked: {form, kind, given, target, labels}. */
export async function about(name) {
  if (!known.has(name)) {
    const asked = get(`/v1/finetable/models/${encodeURIComponent(name)}`);
    known.set(name, asked);
    asked.catch(() => known.delete(name));
  }
  return known.get(name);
}

/** One row that a model makes up. */
export function row(name, seed) {
  return get(`/v1/finetable/rows/${encodeURIComponent(name)}?seed=${seed}`);
}

/** The items of a list from the newest back to one that `isKnown`, over as many pages as it takes. */
export async function newest(path, isKnown, limit) {
  const found = [];
  for (let after = ""; ; ) {
    const page = await get(`${path}?limit=${limit}${after && `&after=${encodeURIComponent(after)}`}`);
    for (const item of page.data) {
      if (isKnown(item)) return found;
      found.push(item);
    }
    if (!page.has_more) return found;
    after = page.last_id;
  }
}

function sending(body, signal) {
  const headers = { "Content-Type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(body), signal };
}

async function answered(path, request) {
  let answer;
  try {
    answer = await fetch(path, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer; start it again with: finetable serve");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => null);
  throw new Error(told?.error?.message ?? `The server answered ${answer.status}.`);
}
