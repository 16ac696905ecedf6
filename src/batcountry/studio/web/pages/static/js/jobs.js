// The queue: one line a job, with what can be done about it; the log below on a click.
import { _, ngettext, said, timeLeft, when } from "./studio/words.js";
import { $, button, debounced, el, told } from "./studio/dom.js";
import { at, get, post, query } from "./studio/api.js";
import { happenings, jobOf, on, progressOf, whereOf } from "./studio/events.js";
import { NAMES, STATES, wished } from "./studio/running.js";
import { header } from "./studio/header.js";

const NOW = ["running", "waiting", "paused"];
const OVER = ["done", "failed", "cancelled", "set_aside"];
let now = [], past = [], after = null;
const rows = new Map();

// A title is what was chosen, in English where it is a word of the page.
const named = (job) => (job.title ? _(job.title) : _(NAMES[job.kind] ?? job.kind));

function line(job) {
  const parts = [job.title ? _(NAMES[job.kind] ?? job.kind) : "", _(STATES[job.state])];
  if (job.state === "running") parts.push(job.progress?.octaves ? _("octave {n} of {all}", { n: job.progress.octave, all: job.progress.octaves }) : whereOf(job.progress?.where), wished(job) || timeLeft(job.progress?.seconds_left));
  if (job.state === "waiting") parts.push(job.ahead ? ngettext("{n} is before it", "{n} are before it", job.ahead) : _("next in line"), job.starts_in > 1 ? _("begins in {n} s", { n: Math.round(job.starts_in) }) : "");
  if (OVER.includes(job.state) && job.ended) parts.push(when(job.ended));
  return parts.filter(Boolean).join(" · ");
}

function actions(job) {
  const act = (label, what, body) => button(label, async () => { try { await post(`/jobs/${job.id}/${what}`, body); } catch (error) { told(error); } load(); }, { class: "small", "aria-label": `${label}: ${named(job)}` });
  const waiting = now.filter((each) => each.state === "waiting");
  const at_ = waiting.indexOf(job);
  const list = [];
  if (job.state === "waiting" && at_ > 0) list.push(act(_("Earlier"), "move", { before: waiting[at_ - 1].id }));
  if (job.state === "waiting" && at_ >= 0 && at_ < waiting.length - 1) list.push(act(_("Later"), "move", { before: waiting[at_ + 2]?.id ?? null }));
  if (job.state === "running") list.push(act(_("Pause"), "pause"));
  if (job.state === "paused") list.push(act(_("Go on"), "resume"));
  if (NOW.includes(job.state)) list.push(act(_("Cancel"), "cancel"));
  if (["failed", "set_aside", "cancelled"].includes(job.state)) list.push(act(_("Try again"), "retry"));
  if (job.state === "done" && job.pictures?.length) list.push(el("a", { class: "button small", href: `/gallery?picture=${job.pictures[0]}` }, _("Show")));
  return list;
}

function row(job) {
  const known = rows.get(job.id);
  const told_ = JSON.stringify([job.state, job.sentence, job.pictures, now.filter((each) => each.state === "waiting").map((each) => each.id)]);
  if (known?.told === told_) { refresh(known, job); return known.item; }
  const source = job.pictures?.length ? at.thumb(job.pictures[0]) : job.preview ?? (job.source ? at.small(job.source) : null);
  const picture = source ? el("img", { src: source, alt: "", loading: "lazy", onerror: () => picture.replaceWith(el("div", { class: "blank" })) }) : el("div", { class: "blank" });
  const status = el("p", {});
  const bar = el("i");
  const log = known?.log ?? el("pre", { tabindex: "0", hidden: true });
  const opener = button(_("Log"), () => { log.hidden = !log.hidden; opener.setAttribute("aria-expanded", String(!log.hidden)); if (!log.hidden) showLog(job.id, log); }, { class: "small", "aria-expanded": String(!log.hidden), "aria-label": `${_("Log")}: ${named(job)}` });
  const item = el("li", { class: "job card" }, picture,
    el("div", { class: "what" }, el("b", {}, named(job)), status,
      job.sentence ? el("p", { class: ["failed", "set_aside"].includes(job.state) ? "wrong" : "" }, said(job.sentence)) : null, job.state === "running" ? el("div", { class: "progress" }, bar) : null),
    el("div", { class: "row" }, actions(job), opener), log);
  const kept = { told: told_, item, status, bar, log };
  rows.set(job.id, kept);
  refresh(kept, job);
  return item;
}

function refresh(kept, job) {
  kept.status.textContent = line(job);
  kept.bar.style.transform = `scaleX(${job.progress?.done ?? 0})`;
}

async function showLog(id, place) {
  try { const answer = await get(`/jobs/${id}/log`); place.textContent = (typeof answer === "string" ? answer : answer?.log) || _("There is no log."); } catch (error) { place.textContent = error.message; }
}

function draw() {
  const put = (place, jobs) => {
    const items = jobs.map(row);
    if (items.length !== place.children.length || items.some((item, n) => place.children[n] !== item)) place.replaceChildren(...items);
  };
  put($("now"), now);
  put($("past"), past);
  $("now-nothing").hidden = now.length > 0;
  $("past-nothing").hidden = past.length > 0;
  $("older").hidden = !after;
}

const asked = (states, rest = {}) => get(`/jobs?${states.map((each) => `state=${each}`).join("&")}&${query(rest).slice(1)}`).then((answer) => ({ jobs: answer.jobs ?? answer, next: answer.next }));

async function load() {
  try {
    const [active, over] = await Promise.all([asked(NOW, { limit: 200 }), asked(OVER, { limit: 30 })]);
    now = active.jobs.sort((one, two) => NOW.indexOf(one.state) - NOW.indexOf(two.state) || one.place - two.place);
    const older = past.slice(30).filter((each) => !over.jobs.some((job) => job.id === each.id) && !now.some((job) => job.id === each.id));
    past = [...over.jobs, ...older];
    if (!older.length) after = over.next;
    draw();
  } catch (error) { told(error); }
}

$("older").addEventListener("click", async () => {
  try {
    const answer = await asked(OVER, { after, limit: 30 });
    past = [...past, ...answer.jobs];
    after = answer.next;
    draw();
  } catch (error) { told(error); }
});
const soon = debounced(150, load);
on("job", soon);
on("progress", (detail) => {
  const job = now.find((each) => each.id === jobOf(detail));
  if (!job) return soon();
  job.progress = progressOf(detail);
  const kept = rows.get(job.id);
  if (kept && job.state === "running") refresh(kept, job); else soon();
});
happenings.busy = () => now.length > 0;
happenings.addEventListener("back", load);
header();
await load();
happenings.begin();
