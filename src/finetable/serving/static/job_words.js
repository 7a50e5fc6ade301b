// A job in words, as the list and its own page show it.

import { get } from "./api.js";
import { el } from "./dom.js";

const STATUS = {
  validating_files: "checking the table",
  queued: "waiting",
  running: "learning",
  pausing: "pausing",
  paused: "paused",
  succeeded: "done",
  failed: "failed",
  cancelled: "cancelled",
};
const ENDED = ["succeeded", "failed", "cancelled"];

/** Whether anything may still happen to a job by itself. */
export function isActive(job) {
  return !ENDED.includes(job.status) && job.status !== "paused";
}

/** Whether a job has ended. */
export function isEnded(job) {
  return ENDED.includes(job.status);
}

/** What a job is called. */
export function title(job) {
  return job.user_provided_suffix || job.fine_tuned_model || job.id;
}

/** What a job learns. */
export function task(job) {
  const { write, label, given } = job.metadata ?? {};
  const from = given ? ` from ${given.replaceAll(",", ", ")}` : "";
  const what = write ? `Writes ${write}${from}` : label ? `Chooses ${label}${from}` : "Goes on from prompts";
  return `${what}, starting from ${job.model}`;
}

/** Show a status. */
export function statusMark(mark, job) {
  mark.className = `status ${job.status}`;
  mark.textContent = STATUS[job.status] ?? job.status;
}

/** When a job ends or has ended. */
export function finish(job, now = Date.now()) {
  if (job.finished_at) return moment(job.finished_at);
  if (!job.estimated_finish) return "";
  const seconds = Math.max(0, job.estimated_finish - now / 1000);
  if (seconds < 60) return "less than a minute left";
  const minutes = Math.round(seconds / 60);
  const left = minutes < 90 ? `${minutes} min left` : `${(minutes / 60).toFixed(1)} h left`;
  return `${left}, until about ${new Date(job.estimated_finish * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
}

/** A time of the server as people read it. */
export function moment(seconds) {
  const at = new Date(seconds * 1000);
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString(
    [],
    today ? { hour: "2-digit", minute: "2-digit" } : { dateStyle: "medium", timeStyle: "short" },
  );
}

/** The newest step of a job, {step, total}; null before the first. */
export async function progressOf(job) {
  const { data } = await get(`/v1/fine_tuning/jobs/${encodeURIComponent(job.id)}/events?limit=10`);
  return stepOf(data);
}

/** The newest step among events, which come the newest first. */
export function stepOf(events) {
  const newest = events.find((event) => event.type === "metrics" && event.data?.total_steps);
  return newest ? { step: newest.data.step, total: newest.data.total_steps } : null;
}

/** A bar that fills with the steps. */
export function progressBar() {
  const bar = el("progress", { max: 1, "aria-label": "Steps" });
  const told = el("span", { className: "help" });
  return {
    element: el("span", { className: "progress" }, bar, told),
    tell(job, steps) {
      bar.hidden = job.status === "succeeded" || (isEnded(job) && !steps);
      if (steps) bar.value = steps.step / steps.total;
      else bar.removeAttribute("value");
      if (!steps && job.status === "paused") bar.hidden = true;
      told.textContent = steps
        ? `step ${steps.step.toLocaleString("en")} of ${steps.total.toLocaleString("en")}`
        : "";
    },
  };
}
