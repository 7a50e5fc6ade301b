// One job: how its loss falls, what it writes on its way, what happened, and what can be done with it.

import { get, newest, post } from "./api.js";
import { lossChart } from "./chart.js";
import { makeCheckpoints } from "./checkpoints.js";
import { el, fault, say } from "./dom.js";
import {
  finish,
  isActive,
  isEnded,
  moment,
  progressBar,
  statusMark,
  stepOf,
  task,
  title,
} from "./job_words.js";

const FIRST_EVENTS = 2000;
const SHOWN_EVENTS = 200;

/** The page of a job; `refresh()` asks anew and says whether more is to come. */
export function makeJob(id, changed) {
  const path = `/v1/fine_tuning/jobs/${encodeURIComponent(id)}`;
  const head = makeHead(path, changed);
  const curve = makeCurve();
  const events = makeEvents();
  const checkpoints = makeCheckpoints();
  const failed = el("div", {});
  const element = el(
    "article",
    { className: "job" },
    head.element,
    failed,
    curve.element,
    checkpoints.element,
    events.element,
  );
  const known = new Map();
  let status = null;

  async function refresh() {
    try {
      const job = await get(path);
      const [fresh, kept] = await Promise.all([
        newest(`${path}/events`, (event) => known.has(event.id), known.size ? 100 : FIRST_EVENTS),
        get(`${path}/checkpoints?limit=100`),
      ]);
      for (const event of fresh.reverse()) known.set(event.id, event);
      const all = [...known.values()].reverse();
      head.tell(job, stepOf(all));
      curve.tell(all);
      events.tell(all);
      checkpoints.tell(job, kept.data);
      failed.replaceChildren(...(job.error?.message ? [fault(job.error)] : []));
      if (status !== null && status !== job.status) say(`The job is ${head.status()}.`);
      status = job.status;
      return isActive(job);
    } catch (error) {
      failed.replaceChildren(fault(error));
      return status !== null;
    }
  }

  return { element, refresh };
}

function makeHead(path, changed) {
  const name = el("h2", {});
  const what = el("p", { className: "help" });
  const mark = el("span", {});
  const when = el("span", { className: "help" });
  const bar = progressBar();
  const failed = el("div", {});
  const act = (verb) => async () => {
    failed.replaceChildren();
    try {
      await post(`${path}/${verb}`);
    } catch (error) {
      failed.replaceChildren(fault(error));
    }
    changed();
  };
  const pause = el("button", { type: "button", onclick: act("pause") }, "Pause");
  const resume = el("button", { type: "button", onclick: act("resume") }, "Resume");
  const cancel = el("button", { type: "button", onclick: () => sure.showModal() }, "Cancel");
  const use = el("a", { className: "button primary" }, "Use the model");
  const sure = makeQuestion(act("cancel"));
  return {
    element: el(
      "header",
      {},
      name,
      what,
      el("p", { className: "status-line" }, mark, when),
      bar.element,
      el("div", { className: "actions" }, use, pause, resume, cancel),
      failed,
      sure,
    ),
    status: () => mark.textContent,
    tell(job, steps) {
      name.textContent = title(job);
      what.textContent = job.fine_tuned_model
        ? `${task(job)}. The model is called ${job.fine_tuned_model}`
        : `${task(job)}.`;
      statusMark(mark, job);
      when.textContent = finish(job);
      bar.tell(job, steps);
      pause.hidden = !["running", "queued"].includes(job.status);
      resume.hidden = job.status !== "paused";
      cancel.hidden = isEnded(job);
      use.hidden = !job.fine_tuned_model;
      use.href = `#play/${encodeURIComponent(job.fine_tuned_model ?? "")}`;
    },
  };
}

/** A question before what cannot be undone. */
function makeQuestion(confirmed) {
  const yes = el(
    "button",
    {
      type: "button",
      className: "danger",
      onclick: () => {
        asked.close();
        confirmed();
      },
    },
    "Cancel the job",
  );
  const no = el("button", { type: "button", autofocus: true, onclick: () => asked.close() }, "Let it go on");
  const asked = el(
    "dialog",
    { "aria-label": "Cancel the job?" },
    el("p", {}, "Cancel this job? It cannot be resumed; only the checkpoints it has made so far stay."),
    el("div", { className: "actions" }, yes, no),
  );
  return asked;
}

function makeCurve() {
  const place = el("div", { className: "drawing" });
  const element = el(
    "section",
    { hidden: true },
    el("h3", {}, "How well it predicts"),
    el(
      "p",
      { className: "help" },
      "Lower is better. Where validation rises while training falls, it learns its rows by heart.",
    ),
    place,
  );
  let points = [];
  let total = 0;
  let drawn = "";

  function paint() {
    const width = place.clientWidth;
    const state = `${width}/${points.length}`;
    if (width < 50 || state === drawn) return;
    drawn = state;
    place.replaceChildren(lossChart(points, total, width));
  }

  new ResizeObserver(paint).observe(place);
  return {
    element,
    tell(events) {
      const steps = new Map();
      for (const { type, data } of events) {
        if (type !== "metrics" || data?.train_loss === undefined || steps.has(data.step)) continue;
        steps.set(data.step, { step: data.step, train: data.train_loss, valid: data.valid_loss });
        total = Math.max(total, data.total_steps ?? 0);
      }
      points = [...steps.values()].sort((a, b) => a.step - b.step);
      element.hidden = !points.length;
      if (points.length) paint();
    },
  };
}

function makeEvents() {
  const list = el("ol", { className: "events" });
  const every = el("input", { type: "checkbox", id: "every-step", onchange: () => paint() });
  const element = el(
    "section",
    {},
    el("h3", {}, "What happened"),
    el("div", { className: "check" }, every, el("label", { for: every.id }, "Every step, too")),
    el("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Events" }, list),
  );
  let all = [];
  let drawn = "";

  function paint() {
    const shown = all.filter((event) => every.checked || event.type !== "metrics").slice(0, SHOWN_EVENTS);
    const state = `${every.checked}/${shown.length}/${shown[0]?.id}`;
    if (state === drawn) return;
    drawn = state;
    list.replaceChildren(
      ...shown.map((event) =>
        el(
          "li",
          { className: event.level },
          el("time", {}, moment(event.created_at)),
          el("span", {}, event.message),
        ),
      ),
    );
  }

  return {
    element,
    tell(events) {
      all = events;
      paint();
    },
  };
}
