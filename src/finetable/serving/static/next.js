// Next: one row that a model made up, large, and a button for the next.

import { about, models, row } from "./api.js";
import { el, empty, fault, fillModels, newId, say } from "./dom.js";

const SEEDS = 1_000_000;
const KEPT = 20;
const TITLES = ["title", "name", "headline"];
const address = (name, seed) => `#next/${encodeURIComponent(name)}/${seed}`;

/** The view; `show([model, seed])` shows a row. */
export function makeNext(panel) {
  const select = el("select", { id: newId("model"), onchange: () => go(select.value, anySeed()) });
  const page = el("article", { className: "row" });
  const onward = el("button", { type: "button", className: "primary", onclick: () => step(1) }, "Next");
  const back = el("button", { type: "button", onclick: () => step(-1) }, "Back");
  const link = el("a", { className: "permalink", title: "A link to this very row" });
  const bar = el("div", { className: "next-bar" }, back, onward, link);
  const pick = el("div", { className: "next-model" }, el("label", { for: select.id }, "Model"), select);
  const whole = el("div", { className: "next" }, page, bar, pick);
  const rows = new Map();
  let seen = null;

  async function show([wanted, seed]) {
    addEventListener("keydown", onKey);
    try {
      if (seen?.name === wanted && /^\d{1,10}$/.test(seed ?? "")) return await turn(wanted, Number(seed));
      const writers = await whoWrites();
      if (!writers.length) {
        const jobs = el("a", { className: "button primary", href: "#jobs" }, "Go to Jobs");
        panel.replaceChildren(empty("No model yet that writes rows: drop a table under Jobs.", jobs));
        return undefined;
      }
      if (!whole.isConnected) panel.replaceChildren(whole);
      const name = fillModels(select, writers, wanted || seen?.name);
      if (wanted && name !== wanted)
        throw new Error(`There is no model ${wanted} any more that writes rows; choose another one.`);
      if (!/^\d{1,10}$/.test(seed ?? "")) {
        history.replaceState(null, "", address(name, seen?.name === name ? seen.seed : anySeed()));
        seed = location.hash.split("/").at(-1);
      }
      return await turn(name, Number(seed));
    } catch (error) {
      return (whole.isConnected ? page : panel).replaceChildren(fault(error));
    }
  }

  async function turn(name, seed) {
    seen = { name, seed };
    link.href = address(name, seed);
    link.textContent = `No. ${seed}`;
    back.disabled = seed === 0;
    page.classList.add("busy");
    try {
      const [told, found] = await Promise.all([about(name), fetched(name, seed)]);
      if (seen.name !== name || seen.seed !== seed) return;
      page.replaceChildren(...typeset(told, found));
      say(page.textContent);
      fetched(name, seed + 1).catch(() => rows.delete(address(name, seed + 1)));
    } catch (error) {
      rows.delete(address(name, seed));
      throw error;
    } finally {
      if (seen.name === name && seen.seed === seed) page.classList.remove("busy");
    }
  }

  function fetched(name, seed) {
    const key = address(name, seed);
    if (!rows.has(key)) rows.set(key, row(name, seed));
    if (rows.size > KEPT) rows.delete(rows.keys().next().value);
    return rows.get(key);
  }

  function step(by) {
    if (seen && seen.seed + by >= 0) go(seen.name, seen.seed + by);
  }

  function go(name, seed) {
    location.hash = address(name, seed);
  }

  function onKey(event) {
    const inUse =
      event.target.closest("select, input, textarea, [role=tab]") ||
      event.ctrlKey ||
      event.altKey ||
      event.metaKey;
    if (inUse || !whole.isConnected) return;
    const onButton = event.target.closest("button, a");
    if (event.key === "ArrowRight" || (event.key === " " && !onButton)) step(1);
    else if (event.key === "ArrowLeft") step(-1);
    else return;
    event.preventDefault();
  }

  return { show, hide: () => removeEventListener("keydown", onKey) };
}

const anySeed = () => Math.floor(Math.random() * SEEDS);

async function whoWrites() {
  const able = (await models()).filter((model) => model.form !== "text");
  // One that cannot be read any more must not take the others away.
  const told = await Promise.all(able.map((model) => about(model.id).catch(() => null)));
  return able.filter((_, place) => told[place]?.kind === "write");
}

/** The title or else the first given column as the heading, the others in a line, then what was written. */
function typeset(told, { given, text, copied_words: copied }) {
  const names = told.given.filter((name) => given?.[name]);
  const title = names.find((name) => TITLES.includes(name.toLowerCase())) ?? names[0];
  const others = names.filter((name) => name !== title);
  const facts = others.map((name) => el("div", {}, el("dt", {}, name), el("dd", {}, given[name])));
  const length = text.length < 90 ? " short" : text.length > 700 ? " long" : "";
  return [
    title ? el("h2", {}, given[title]) : null,
    facts.length ? el("dl", { className: "facts" }, ...facts) : null,
    el("p", { className: `made${length}` }, text || "(nothing)"),
    copied
      ? el("p", { className: "copied" }, `Longest run of words shared with a training row: ${copied}`)
      : null,
  ].filter(Boolean);
}
