// Elements made without markup: whatever a table or a model says stays text.

import { isCheckpoint } from "./api.js";

const DRAWING = "http://www.w3.org/2000/svg";

/** An element; `traits` are properties, `on…` listeners, and attributes where a name has a hyphen or is role/for. */
export function el(tag, traits = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(traits)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name.includes("-") || ["role", "for", "list", "colspan", "scope"].includes(name))
      made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** An element of a drawing. */
export function draw(tag, attributes = {}, ...children) {
  const made = document.createElementNS(DRAWING, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

let made = 0;

/** A name for an element that another one refers to. */
export function newId(stem) {
  made += 1;
  return `${stem}-${made}`;
}

/** A control under its label, with a line that says what it does. */
export function field(label, control, help = "") {
  control.id ||= newId("field");
  const parts = [el("label", { for: control.id }, label), control];
  if (help) {
    const told = el("p", { className: "help", id: newId("help") }, help);
    control.setAttribute("aria-describedby", told.id);
    parts.push(told);
  }
  return el("div", { className: "field" }, ...parts);
}

/** A sentence of what went wrong. */
export function fault(error) {
  return el("p", { className: "fault", role: "alert" }, error.message);
}

/** What stands where there is nothing yet: what to do first. */
export function empty(sentence, link = null) {
  return el("div", { className: "empty" }, el("p", {}, sentence), link);
}

/** Let a screen reader say this. */
export function say(text) {
  const log = document.getElementById("said");
  log.append(el("p", {}, text));
  while (log.childElementCount > 20) log.firstChild.remove();
}

/** A number of things in words. */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** Fill a select with models under headings; keeps the choice where it can. */
export function fillModels(select, models, chosen) {
  const wanted = chosen ?? select.value;
  const groups = new Map();
  for (const model of models) {
    const group = groupOf(model);
    if (!groups.has(group)) groups.set(group, el("optgroup", { label: group }));
    groups.get(group).append(el("option", { value: model.id }, model.id));
  }
  select.replaceChildren(...groups.values());
  if (models.some((model) => model.id === wanted)) select.value = wanted;
  return select.value;
}

function groupOf(model) {
  if (model.id === "scratch") return "From nothing";
  if (model.form === "text") return "On this machine";
  if (isCheckpoint(model)) return "Checkpoints";
  return model.parent_job ? "Trained here" : "Folders";
}
