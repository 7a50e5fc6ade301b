// Jobs: what has been learnt, what is being learnt, and a place to drop the next table.

import { get } from "./api.js";
import { el, fault } from "./dom.js";
import { makeJob } from "./job.js";
import { finish, isActive, progressBar, progressOf, statusMark, task, title } from "./job_words.js";
import { makeNewJob } from "./new_job.js";

const SECOND = 1000;
const MOST_JOBS = 100;

/** The view; `show([id])` shows one job, or all. */
export function makeJobs(panel) {
  const fresh = makeNewJob((job) => {
    location.hash = `jobs/${job.id}`;
  });
  const list = el("ul", { className: "job-list" });
  const all = el(
    "div",
    { className: "jobs" },
    el("h2", {}, "Learn from a table"),
    fresh.element,
    el("h2", {}, "Jobs"),
    list,
  );
  const refresher = makeRefresher();
  let items = new Map();

  async function refreshAll() {
    try {
      const { data } = await get(`/v1/fine_tuning/jobs?limit=${MOST_JOBS}`);
      const steps = await Promise.all(data.map((job) => (isActive(job) ? progressOf(job) : null)));
      const before = items;
      items = new Map(data.map((job) => [job.id, before.get(job.id) ?? makeItem(job.id)]));
      for (const [place, job] of data.entries()) items.get(job.id).tell(job, steps[place]);
      const elements = [...items.values()].map((item) => item.element);
      if (
        elements.length !== list.childElementCount ||
        elements.some((element, place) => element !== list.children[place])
      ) {
        list.replaceChildren(...elements);
      }
      if (!data.length)
        list.replaceChildren(
          el("li", { className: "hint" }, "No job yet. The first one begins with a table."),
        );
      return data.some(isActive);
    } catch (error) {
      items = new Map();
      list.replaceChildren(el("li", {}, fault(error)));
      return true;
    }
  }

  function show([id]) {
    if (!id) {
      panel.replaceChildren(all);
      refresher.start(refreshAll);
      return;
    }
    const job = makeJob(id, () => refresher.now());
    panel.replaceChildren(
      el("p", { className: "back" }, el("a", { href: "#jobs" }, "All jobs")),
      job.element,
    );
    refresher.start(job.refresh);
  }

  return { show, hide: () => refresher.stop() };
}

/** A line of the list, changed in place so that a focus on it stays. */
function makeItem(id) {
  const name = el("strong", {});
  const what = el("span", { className: "help" });
  const mark = el("span", {});
  const bar = progressBar();
  const when = el("span", { className: "help when" });
  const link = el(
    "a",
    { href: `#jobs/${id}` },
    el("span", { className: "job-name" }, name, what),
    el("span", { className: "job-state" }, mark, bar.element),
    when,
  );
  return {
    element: el("li", {}, link),
    tell(job, steps) {
      name.textContent = title(job);
      what.textContent = task(job);
      statusMark(mark, job);
      bar.tell(job, steps);
      when.textContent = finish(job);
    },
  };
}

/** Asks anew every second while the page is seen and the last answer was that something goes on. */
function makeRefresher() {
  let refresh = null;
  let timer = 0;

  async function turn() {
    clearTimeout(timer);
    const asked = refresh;
    const goesOn = await asked();
    if (refresh !== asked) return;
    clearTimeout(timer);
    if (goesOn && document.visibilityState === "visible") timer = setTimeout(turn, SECOND);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && refresh) turn();
  });
  return {
    start(asked) {
      refresh = asked;
      turn();
    },
    now: () => refresh && turn(),
    stop() {
      refresh = null;
      clearTimeout(timer);
    },
  };
}
