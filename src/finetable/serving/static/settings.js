// How to choose among what a model finds probable: sliders that say what they do.

import { el, field, newId } from "./dom.js";

const SLIDERS = [
  {
    name: "temperature",
    label: "Temperature",
    range: [0, 2, 0.05, 1],
    shown: (value) => value.toFixed(2),
    help: "Low writes what is most probable, high dares more; at 0 nothing is left to chance.",
  },
  {
    name: "topK",
    label: "Top-k",
    range: [0, 200, 1, 0],
    shown: (value) => (value ? String(value) : "off"),
    help: "Only this many of the most probable pieces may come next.",
  },
  {
    name: "topP",
    label: "Top-p",
    range: [0.05, 1, 0.01, 1],
    shown: (value) => (value < 1 ? value.toFixed(2) : "off"),
    help: "Only the most probable pieces that together reach this share may come next.",
  },
];

/** The sliders and numbers; `read()` gives {temperature, topK, topP, maxTokens, seed}. */
export function makeSettings() {
  const inputs = {};
  const sliders = SLIDERS.map((slider) => {
    const { control, input } = makeSlider(slider);
    inputs[slider.name] = input;
    return control;
  });
  const most = el("input", {
    type: "number",
    min: 1,
    max: 100000,
    step: 1,
    placeholder: "auto",
    inputMode: "numeric",
  });
  const seed = el("input", {
    type: "number",
    min: 0,
    max: 2147483647,
    step: 1,
    placeholder: "new each time",
    inputMode: "numeric",
  });
  const numbers = el(
    "div",
    { className: "pair" },
    field("Most tokens", most, "Where to stop at the latest."),
    field("Seed", seed, "The same seed writes the same text."),
  );
  const element = el(
    "details",
    { className: "settings", open: innerWidth > 700 },
    el("summary", {}, "How to write"),
    ...sliders,
    numbers,
  );
  return {
    element,
    read() {
      const values = Object.fromEntries(
        Object.entries(inputs).map(([name, input]) => [name, Number(input.value)]),
      );
      const given = seed.value.trim() === "" ? Math.floor(Math.random() * 1e6) : Number(seed.value);
      return { ...values, maxTokens: Number(most.value) || null, seed: given };
    },
  };
}

function makeSlider({ label, range, shown, help }) {
  const [min, max, step, value] = range;
  const input = el("input", { type: "range", min, max, step, id: newId("slider") });
  input.value = value;
  const told = el("output", { htmlFor: input.id }, shown(value));
  const line = el("p", { className: "help", id: newId("help") }, help);
  input.setAttribute("aria-describedby", line.id);
  const tell = () => {
    told.textContent = shown(Number(input.value));
    input.setAttribute("aria-valuetext", told.textContent);
  };
  input.addEventListener("input", tell);
  tell();
  const head = el("div", { className: "slider-head" }, el("label", { for: input.id }, label), told);
  return { input, control: el("div", { className: "field slider" }, head, input, line) };
}
