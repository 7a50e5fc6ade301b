// The models that a job leaves on its way, each with a row that it writes from the same seed.

import { about, row } from "./api.js";
import { el } from "./dom.js";

const SAMPLE_SEED = 1;

/** The list; `tell(job, kept)` shows the checkpoints that are kept. */
export function makeCheckpoints() {
  const list = el("ol", { className: "checkpoints" });
  const element = el(
    "section",
    { hidden: true },
    el("h3", {}, "Models it has left"),
    el(
      "p",
      { className: "help" },
      "Each can be used already; what they write here begins from the same seed.",
    ),
    list,
  );
  const items = new Map();

  return {
    element,
    tell(job, kept) {
      element.hidden = !kept.length;
      for (const name of items.keys()) {
        if (!kept.some((one) => one.fine_tuned_model_checkpoint === name)) items.delete(name);
      }
      const wanted = kept.map((one) => {
        const name = one.fine_tuned_model_checkpoint;
        if (!items.has(name)) items.set(name, makeCheckpoint(one, Boolean(job.metadata?.write)));
        return items.get(name);
      });
      if (
        wanted.some((item, place) => item !== list.children[place]) ||
        wanted.length !== list.childElementCount
      )
        list.replaceChildren(...wanted);
    },
  };
}

function makeCheckpoint({ fine_tuned_model_checkpoint: name, step_number: step, metrics }, writes) {
  const loss = metrics.valid_loss === undefined ? "" : `validation loss ${metrics.valid_loss.toFixed(2)}`;
  const sample = el("p", { className: "sample" });
  const link = (view, text) =>
    el(
      "a",
      {
        href: `#${view}/${encodeURIComponent(name)}`,
        "aria-label": `${text} with the model after step ${step}`,
      },
      text,
    );
  if (writes) fill(sample, name);
  return el(
    "li",
    {},
    el(
      "p",
      { className: "line" },
      el("strong", {}, `Step ${step.toLocaleString("en")}`),
      loss ? el("span", { className: "help" }, loss) : null,
      link("play", "Play"),
      writes ? link("next", "Next") : null,
    ),
    el("p", { className: "help model-name" }, name),
    writes ? sample : null,
  );
}

async function fill(sample, name) {
  try {
    const [told, { given, text }] = await Promise.all([about(name), row(name, SAMPLE_SEED)]);
    const from = told.given
      .map((column) => given?.[column])
      .filter(Boolean)
      .join(" · ");
    sample.replaceChildren(...(from ? [el("b", {}, from), el("br")] : []), text);
  } catch (error) {
    sample.replaceChildren(error.message);
  }
}
