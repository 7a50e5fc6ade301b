// The first rows of a table, where each column is given its part by its header.

import { el, newId } from "./dom.js";

const ROWS = 6;
const MOST_LABELS = 30;
const LONGEST = 160;
const PARTS = { "": "Not used", given: "Given", target: "To learn" };

/** The table; `chosen()` gives {target, given}, `guess(job)` chooses anew for a job. */
export function makeTable({ names, rows }, changed) {
  const selects = names.map((name, place) => {
    const options = Object.entries(PARTS).map(([value, label]) => el("option", { value }, label));
    return el(
      "select",
      { "aria-label": `Part of the column ${name}`, onchange: () => choose(place) },
      ...options,
    );
  });
  const heads = names.map((name, place) => {
    const title = el(
      "button",
      {
        type: "button",
        className: "column-name",
        title: "Change the part of this column",
        onclick: () => cycle(place),
      },
      name || "(no name)",
    );
    return el("th", { scope: "col" }, title, selects[place]);
  });
  const cells = rows
    .slice(0, ROWS)
    .map((row) => names.map((_, place) => el("td", {}, el("div", {}, shortened(row[place] ?? "")))));
  const table = el(
    "table",
    {},
    el("thead", {}, el("tr", {}, ...heads)),
    el("tbody", {}, ...cells.map((row) => el("tr", {}, ...row))),
  );
  const help = el(
    "p",
    { className: "help", id: newId("help") },
    "Say what each column is for: one is to be learnt; those that are given will be fields to fill in.",
  );
  const element = el(
    "div",
    {},
    help,
    el(
      "div",
      {
        className: "wide",
        tabIndex: 0,
        role: "group",
        "aria-label": "First rows of the table",
        "aria-describedby": help.id,
      },
      table,
    ),
  );

  function choose(place) {
    if (selects[place].value === "target") {
      selects.forEach((select, other) => {
        if (other !== place && select.value === "target") select.value = "";
      });
    }
    paint();
  }

  function cycle(place) {
    const parts = Object.keys(PARTS);
    selects[place].value = parts[(parts.indexOf(selects[place].value) + 1) % parts.length];
    choose(place);
  }

  function paint() {
    names.forEach((_, place) => {
      for (const cell of [heads[place], ...cells.map((row) => row[place])])
        cell.dataset.part = selects[place].value;
    });
    changed();
  }

  const chosen = () => ({
    target: names.find((_, place) => selects[place].value === "target") ?? null,
    given: names.filter((_, place) => selects[place].value === "given"),
  });

  function guess(job) {
    const { target, given } =
      job === "label" ? guessLabels(names, rows) : { target: longest(names, rows), given: [] };
    selects.forEach((select, place) => {
      select.value = place === target ? "target" : given.includes(place) ? "given" : "";
    });
    paint();
  }

  return { element, chosen, guess };
}

/** The place of the column with the longest texts, but for `besides`. */
function longest(names, rows, besides = -1) {
  const lengths = names.map((_, place) =>
    place === besides ? -1 : rows.reduce((sum, row) => sum + (row[place] ?? "").length, 0),
  );
  return lengths.indexOf(Math.max(...lengths));
}

/** A column of few values that come again is a label; the longest text is what it is learnt from. */
function guessLabels(names, rows) {
  const kinds = names.map((_, place) => {
    const values = rows.map((row) => row[place] ?? "").filter(Boolean);
    const distinct = new Set(values).size;
    return distinct > 1 && distinct <= Math.min(MOST_LABELS, values.length / 2) ? distinct : Infinity;
  });
  const fewest = Math.min(...kinds);
  const target = fewest === Infinity ? names.length - 1 : kinds.indexOf(fewest);
  return { target, given: names.length > 1 ? [longest(names, rows, target)] : [] };
}

function shortened(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
