// A new job: a table is dropped, its columns are given their parts, and learning starts.

import { models, post, upload } from "./api.js";
import { preview } from "./csv.js";
import { el, fault, field, fillModels, newId, say } from "./dom.js";
import { makeTable } from "./preview_table.js";

const MOST_BYTES = 512 * 2 ** 20;

/** The form; `started(job)` is called with the new job. */
export function makeNewJob(started) {
  const chooser = el("input", {
    type: "file",
    className: "unseen",
    id: newId("file"),
    accept: ".csv,.tsv,.jsonl,.gz,.parquet",
    onchange: () => take(chooser.files[0]),
  });
  const zone = el(
    "label",
    { className: "drop", for: chooser.id },
    el("strong", {}, "Drop a table here, or choose one"),
    el(
      "span",
      { className: "help" },
      "CSV, TSV, JSON Lines or Parquet, up to 512 MB. It stays on this machine.",
    ),
  );
  const below = el("div", {});
  const element = el("section", { className: "new-job", "aria-label": "New job" }, chooser, zone, below);

  for (const [name, over] of [
    ["dragenter", true],
    ["dragover", true],
    ["dragleave", false],
    ["drop", false],
  ]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.toggle("over", over);
      if (name === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
    });
  }

  chooser.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    chooser.click();
  });

  async function take(file) {
    if (!file) return;
    try {
      if (file.size > MOST_BYTES) throw new Error(`${file.name} is larger than the 512 MB that are taken.`);
      const [found, known] = await Promise.all([preview(file), models()]);
      if (found && !found.names.length)
        throw new Error(
          `${file.name} holds no table that can be read here: it needs a line of column names and rows below it.`,
        );
      const form = makeForm(
        file,
        found,
        known.filter((model) => model.form === "text"),
        reset,
        started,
      );
      below.replaceChildren(form);
      zone.hidden = true;
      form.querySelector("input, select").focus();
    } catch (error) {
      below.replaceChildren(fault(error));
    }
    chooser.value = "";
  }

  function reset() {
    below.replaceChildren();
    zone.hidden = false;
    chooser.focus();
  }

  return { element };
}

function makeForm(file, found, bases, reset, started) {
  const jobs = makeJobChoice(() => table?.guess(jobs.value()));
  const table = found?.isExamples ? null : found ? makeTable(found, tell) : makeNames(tell);
  const base = el("select", {});
  fillModels(base, bases, "small");
  const epochs = el("input", {
    type: "number",
    min: 1,
    max: 50,
    step: 1,
    placeholder: "auto",
    inputMode: "numeric",
  });
  const suffix = el("input", {
    type: "text",
    maxLength: 64,
    value: slug(file.name),
    spellcheck: false,
    autocomplete: "off",
  });
  const plan = el("p", { className: "plan", role: "status" });
  const start = el("button", { type: "submit", className: "primary" }, "Start learning");
  const failed = el("div", {});
  const form = el(
    "form",
    { className: "job-form", onsubmit: begin },
    el(
      "div",
      { className: "file-line" },
      el("strong", {}, file.name),
      el("span", { className: "help" }, size(file.size)),
      el("button", { type: "button", className: "quiet", onclick: reset }, "Another table"),
    ),
    jobs.element,
    table?.element ??
      el(
        "p",
        { className: "help" },
        "These are examples with prompts and completions, or chats: nothing is left to choose.",
      ),
    plan,
    el(
      "div",
      { className: "thirds" },
      field("Start from", base, "small has read English already; scratch makes a new network that fits the table."),
      field("Epochs", epochs, "How often it goes through the table."),
      field("Name", suffix, "What the model is called at its end."),
    ),
    failed,
    el("div", { className: "actions" }, start),
  );
  jobs.element.hidden = Boolean(found?.isExamples);
  if (table) table.guess("write");

  function tell() {
    const { target, given } = table.chosen();
    start.disabled = !target;
    const verb = jobs.value() === "write" ? "write" : "choose";
    const words = [
      verb,
      " ",
      el("b", {}, target ?? ""),
      ...(given.length ? [" from ", ...listed(given)] : [", given nothing"]),
      ".",
    ];
    plan.replaceChildren(
      ...(target ? ["It will learn to ", ...words] : ["Choose the column that is to be learnt."]),
    );
  }

  async function begin(event) {
    event.preventDefault();
    start.disabled = true;
    start.textContent = "Sending the table…";
    failed.replaceChildren();
    try {
      const kept = await upload(file);
      if (!form.isConnected) return; // another table was chosen meanwhile
      const job = await post("/v1/fine_tuning/jobs", request(kept.id));
      say("The job was created.");
      reset();
      started(job);
    } catch (error) {
      failed.replaceChildren(fault(error));
    } finally {
      start.disabled = false;
      start.textContent = "Start learning";
    }
  }

  function request(fileId) {
    const body = { model: base.value, training_file: fileId };
    if (suffix.value.trim()) body.suffix = suffix.value.trim();
    if (epochs.value)
      body.method = {
        type: "supervised",
        supervised: { hyperparameters: { n_epochs: Number(epochs.value) } },
      };
    if (table) {
      const { target, given } = table.chosen();
      body.metadata = { [jobs.value()]: target, ...(given.length && { given: given.join(",") }) };
    }
    return body;
  }

  return form;
}

function makeJobChoice(changed) {
  const name = newId("job");
  const radio = (value, label, help, checked) => {
    const input = el("input", { type: "radio", name, value, id: newId("job"), checked, onchange: changed });
    return [
      input,
      el("label", { for: input.id }, el("strong", {}, label), el("span", { className: "help" }, help)),
    ];
  };
  const [write, writeLabel] = radio("write", "Write", "A new text for a column", true);
  const [label, labelLabel] = radio("label", "Label", "One of the values a column has", false);
  const element = el(
    "fieldset",
    { className: "choice" },
    el("legend", {}, "What is to be learnt?"),
    write,
    writeLabel,
    label,
    labelLabel,
  );
  return { element, value: () => (label.checked ? "label" : "write") };
}

/** Names typed by hand, for files that only the server can read. */
function makeNames(changed) {
  const target = el("input", { type: "text", required: true, spellcheck: false, oninput: changed });
  const given = el("input", { type: "text", spellcheck: false, oninput: changed });
  const element = el(
    "div",
    { className: "pair" },
    field("Column to learn", target),
    field("Columns given", given, "Names separated by commas; may be empty."),
  );
  const chosen = () => ({
    target: target.value.trim() || null,
    given: given.value
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean),
  });
  return { element, chosen, guess: changed };
}

function listed(names) {
  return names.flatMap((name, place) => [
    place === 0 ? "" : place === names.length - 1 ? " and " : ", ",
    el("b", {}, name),
  ]);
}

function slug(name) {
  return name
    .toLowerCase()
    .replace(/\..*$/, "")
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40);
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
