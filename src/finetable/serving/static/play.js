// Play: ask a model and see what it writes, piece by piece, in up to four columns.

import { about, models } from "./api.js";
import { makeColumn } from "./column.js";
import { el, empty, fault, field, fillModels, newId } from "./dom.js";
import { makeSettings } from "./settings.js";
import { legend } from "./tokens.js";

const MOST_COLUMNS = 4;

/** The view; `show([model])` chooses a model. */
export function makePlay(panel) {
  const select = el("select", {
    onchange: () => {
      location.hash = `play/${encodeURIComponent(select.value)}`;
    },
  });
  const does = el("p", { className: "help" });
  const fields = el("div", { className: "fields" });
  const settings = makeSettings();
  const beside = makeBeside(refill);
  const write = el("button", { className: "primary", type: "submit" }, "Write");
  const stop = el("button", { type: "button", disabled: true, onclick: () => aborter?.abort() }, "Stop");
  const keys = el("span", { className: "help keys" }, el("kbd", {}, "Ctrl"), " ", el("kbd", {}, "Enter"));
  const columns = el("div", { className: "columns" });
  const shades = legend();
  const form = el(
    "form",
    { className: "ask", onsubmit: begin, noValidate: true },
    el("div", {}, field("Model", select), does),
    fields,
    el("div", { className: "actions" }, write, stop, keys),
  );
  const failed = el("div", {});
  const output = el("div", { className: "output" }, failed, columns, shades);
  const how = el("div", { className: "how" }, settings.element, beside.element);
  const whole = el("div", { className: "play", onkeydown: onKey }, form, output, how);
  const values = {};
  let known = [];
  let told = null;
  let aborter = null;

  async function show([wanted]) {
    failed.replaceChildren();
    try {
      const all = await models();
      const taught = all.filter((model) => model.id !== "scratch" && model.id !== "small");
      // What comes with finetable stands last: whoever has taught a model wants that one.
      known = [...taught, ...all.filter((model) => model.id === "small")];
      if (!taught.length) {
        const link = el("a", { className: "button primary", href: "#jobs" }, "Go to Jobs");
        panel.replaceChildren(
          empty("No model yet: drop a table under Jobs, and what it learns can be asked here.", link),
        );
        return;
      }
      const before = told?.name;
      const name = fillModels(select, known, wanted || undefined);
      if (!whole.isConnected) panel.replaceChildren(whole);
      if (wanted && name !== wanted)
        failed.append(fault(new Error(`There is no model ${wanted} any more; choose another one.`)));
      if (name === before) return;
      const found = await about(name);
      if (select.value !== name) return;
      told = { ...found, name };
      aborter?.abort();
      describe();
      refill();
    } catch (error) {
      if (!whole.isConnected) panel.replaceChildren(whole);
      failed.replaceChildren(fault(error));
    }
  }

  function describe() {
    const labels = told.kind === "label";
    does.textContent = sentence(told);
    fields.replaceChildren(
      ...(told.given.length ? told.given : [""]).map((name) => makeField(name, told, values)),
    );
    write.textContent = labels ? "Label" : "Write";
    settings.element.hidden = shades.hidden = labels;
    beside.forLabels(labels);
  }

  function refill() {
    if (told === null) return;
    const places = Array.from({ length: beside.count() }, (_, place) => place);
    columns.className = `columns n${places.length}`;
    columns.replaceChildren(
      ...places.map(
        (place) =>
          makeColumn(
            place > 0 && beside.byModel() ? { models: known, chosen: known[place % known.length].id } : {},
          ).element,
      ),
    );
  }

  async function begin(event) {
    event.preventDefault();
    if (told === null) return;
    aborter?.abort();
    const mine = new AbortController();
    aborter = mine;
    stop.disabled = false;
    const { seed, ...rest } = settings.read();
    const asked = [...columns.children].map((element, place) => {
      const model = element.column.model() ?? told.name;
      return element.column.run(
        model,
        values,
        { ...rest, seed: beside.byModel() ? seed : seed + place },
        mine.signal,
      );
    });
    await Promise.all(asked);
    if (aborter === mine) stop.disabled = true;
  }

  function onKey(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  }

  return { show, hide: () => {} };
}

/** A field for a given column, or for the beginning of the text. */
function makeField(name, told, values) {
  const input = el("textarea", { rows: name === "" || told.kind === "label" ? 3 : 1, spellcheck: false });
  input.value = values[name] ?? "";
  input.addEventListener("input", () => {
    values[name] = input.value;
  });
  const label = told.form === "chat" ? "Message" : name || "Beginning";
  const help = name === "" && told.form !== "chat" ? "The text goes on from here; it may be empty." : "";
  return field(label, input, help);
}

/** What a model does, in a sentence. */
function sentence({ kind, given, target, labels }) {
  const from = given.length ? ` from ${given.join(", ")}` : "";
  if (kind === "label") return `Chooses ${target} among ${labels.length} labels${from}.`;
  if (kind === "write") return `Writes ${target}${from}.`;
  return "Goes on with any text.";
}

/** How many columns, and what differs between them. */
function makeBeside(changed) {
  const name = newId("columns");
  const numbers = Array.from({ length: MOST_COLUMNS }, (_, place) => {
    const input = el("input", {
      type: "radio",
      name,
      value: place + 1,
      id: newId("columns"),
      checked: place === 0,
      onchange: update,
    });
    return [input, el("label", { for: input.id }, String(place + 1))];
  });
  const differs = el(
    "select",
    { onchange: changed },
    el("option", { value: "seed" }, "another seed"),
    el("option", { value: "model" }, "another model"),
  );
  const choice = field("Each column has", differs);
  const seeds = differs.options[0];
  const element = el(
    "fieldset",
    { className: "beside" },
    el("legend", {}, "Side by side"),
    el("div", { className: "segments" }, ...numbers.flat()),
    choice,
  );
  const chosen = () => Number(numbers.find(([input]) => input.checked)[0].value);

  function update() {
    choice.hidden = chosen() === 1;
    changed();
  }

  choice.hidden = true;
  return {
    element,
    count: chosen,
    byModel: () => differs.value === "model",
    forLabels(labels) {
      seeds.disabled = labels;
      if (labels) differs.value = "model";
    },
  };
}
