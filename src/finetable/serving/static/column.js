// One of the columns of Play: what one model made of the fields.

import { about } from "./api.js";
import { labelled, promptOf, written } from "./ask.js";
import { count, el, fault, fillModels, say } from "./dom.js";
import { PieceText, percent } from "./tokens.js";

const MOST_BARS = 12;
const HINT =
  "Here appears what the model makes of it. Rest the pointer on a piece, or go there with Tab and the arrow keys, to see how probable it was.";

/** A column; with `models` it chooses one of its own. */
export function makeColumn({ models = null, chosen = null }) {
  const select = models && el("select", { "aria-label": "Model of this column" });
  if (select) fillModels(select, models, chosen);
  const note = el("p", { className: "note" });
  const body = el("div", { className: "body" }, el("p", { className: "hint" }, HINT));
  const element = el("article", { className: "column" }, select, body, note);

  let runs = 0;

  async function run(name, values, settings, signal) {
    const turn = ++runs;
    body.replaceChildren();
    body.classList.add("busy");
    note.textContent = "";
    try {
      const told = await about(name);
      const prompt = promptOf(told, values);
      const rowOf = () => Object.fromEntries(told.given.map((column) => [column, values[column] ?? ""]));
      if (told.kind === "label") await label(name, told.given.length > 1 ? rowOf() : prompt, signal);
      else await write(name, told, prompt, settings, signal);
    } catch (error) {
      if (turn !== runs) return; // the next run has the column now
      if (error.name === "AbortError")
        note.textContent = [note.textContent, "stopped"].filter(Boolean).join(" · ");
      else body.append(fault(error));
    } finally {
      if (turn === runs) body.classList.remove("busy");
    }
  }

  async function write(name, told, prompt, settings, signal) {
    const text = new PieceText(say);
    if (!told.given.length && told.form !== "chat" && prompt)
      body.append(el("span", { className: "prompt" }, prompt));
    body.append(text.element);
    note.textContent = `seed ${settings.seed}`;
    let pieces = 0;
    for await (const { piece, reason } of written(name, told, prompt, settings, signal)) {
      if (piece) {
        text.add(piece);
        pieces += piece.parts;
      } else {
        const cut = reason === "length" ? "cut at the most tokens" : "ended by itself";
        note.textContent = `seed ${settings.seed} · ${count(pieces, "token")} · ${cut}`;
      }
    }
    text.end();
  }

  async function label(name, asked, signal) {
    const { label: found, all } = await labelled(name, asked, signal);
    body.append(el("p", { className: "found" }, found), bars(all.slice(0, MOST_BARS)));
    if (all.length > MOST_BARS) note.textContent = `and ${count(all.length - MOST_BARS, "other label")}`;
    say(`${found}, ${percent(all[0][1])}`);
  }

  element.column = { run, model: () => select?.value };
  return { element };
}

function bars(labels) {
  return el(
    "ol",
    { className: "bars", "aria-label": "Labels by probability" },
    ...labels.map(([name, probability]) => {
      const fill = el("span", { className: "fill" });
      fill.style.width = `${100 * probability}%`;
      const track = el("span", { className: "track", "aria-hidden": "true" }, fill);
      return el(
        "li",
        {},
        el("span", { className: "bar-name" }, name),
        track,
        el("span", { className: "bar-value" }, percent(probability)),
      );
    }),
  );
}
