// The frame: three views under tabs, and the address that says which of them is seen.

import { makeJobs } from "./jobs.js";
import { makeNext } from "./next.js";
import { makePlay } from "./play.js";

const VIEWS = ["play", "next", "jobs"];
const made = new Map();
let current = null;

const makers = { play: makePlay, next: makeNext, jobs: makeJobs };
const tab = (name) => document.getElementById(`tab-${name}`);
// Not the names of the addresses: a browser would take the focus to what is called like one.
const panel = (name) => document.getElementById(`view-${name}`);

function show() {
  const [asked, ...rest] = location.hash.slice(1).split("/").map(decoded);
  const name = VIEWS.includes(asked) ? asked : "play";
  if (current !== null && current !== name) made.get(current).hide();
  for (const view of VIEWS) {
    const chosen = view === name;
    panel(view).hidden = !chosen;
    tab(view).setAttribute("aria-selected", String(chosen));
    tab(view).tabIndex = chosen ? 0 : -1;
  }
  if (!made.has(name)) made.set(name, makers[name](panel(name)));
  current = name;
  document.title = `${tab(name).textContent} · finetable`;
  made.get(name).show(rest);
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function move(event) {
  const place = VIEWS.indexOf(event.target.id.slice(4));
  const steps = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: VIEWS.length - 1 };
  if (place < 0 || !(event.key in steps)) return;
  event.preventDefault();
  const name = VIEWS[(steps[event.key] + VIEWS.length) % VIEWS.length];
  tab(name).focus();
  location.hash = name;
}

document.querySelector("[role=tablist]").addEventListener("keydown", move);
addEventListener("hashchange", show);
show();
