// The first page: a picture dropped anywhere dreams at once; what is changed dreams again from what is kept.
import { _ } from "./studio/words.js";
import { $, button, debounced, swap, told, toast, typing, el } from "./studio/dom.js";
import { at, get, post, remove, upload } from "./studio/api.js";
import { happenings, jobOf, on, progressOf } from "./studio/events.js";
import { Compare, compareKeys } from "./parts/compare.js";
import { takeDrops } from "./parts/drop.js";
import { recipeOf } from "./studio/recipe.js";
import { favorite, saveMenu, showLog, showStrip } from "./dream/result.js";
import { sentenceOf, showOctave, showPictures, showProgress } from "./dream/showing.js";
import { paintOn } from "./dream/painting.js";
import { measured, sizeOf, sourceOf } from "./dream/taking.js";
import { ACTIVE, beforeAddress, keep, MOST_RESULTS, SKY, snapshot, state } from "./dream/state.js";
import { Rail } from "./parts/rail.js";
import { header } from "./studio/header.js";

let job = null;        // the job as the studio last told it
let local = null;      // {url, share} while a picture is on its way
let generation = 0;    // counts beginnings: what an older one answers is dropped
let painter = null;
const compare = new Compare($("frame"));
const rail = new Rail(state, { changed, guide: (given) => takeAside(given, "guide"), mask: (given) => takeAside(given, "mask"), paint });

const begun = () => !!(state.source || state.sky || local);
const shownBefore = () => (local ? local.url : beforeAddress());

// ---- Taking pictures

function remember() { if (begun() && !local) { state.past.push(snapshot()); keep(); } }

async function take({ file, own }) {
  painter?.close();
  const mine = ++generation;
  remember();
  leaveJob();
  Object.assign(state, { sky: false, result: null, made: null, source: null });
  state.form.mask = null;
  if (own) {
    Object.assign(state, { source: sourceOf(own), width: own.width ?? 0, height: own.height ?? 0 });
    if (!state.width) await sizeOf(state);
    rail.refresh();
    return begin();
  }
  const picture = await measured(file);
  if (mine !== generation) return;
  local = { ...picture, share: 0 };
  Object.assign(state, { width: picture.width, height: picture.height });
  rail.refresh();
  show();
  try {
    const sent = await upload(file, file.name, (share) => { if (local) local.share = share; showProgress(job, local); });
    if (mine !== generation) return;
    Object.assign(state, { source: { upload: sent.id }, width: sent.width, height: sent.height });
    await swap(compare.before, at.source(state.source));
    local = null;
    await begin();
  } catch (error) {
    if (mine !== generation) return;
    local = null;
    told(error);
    const before = state.past.pop();
    Object.assign(state, before ?? { source: null, sky: false, result: null });
    show();
  }
}

function takeSky() {
  generation += 1;
  remember();
  leaveJob();
  Object.assign(state, { source: null, sky: true, result: null, made: null, ...SKY });
  state.form.mask = null;
  begin();
}

async function takeAside(given, field) {
  try {
    const source = given.own ? sourceOf(given.own) : { upload: (await upload(given.file, given.file.name)).id };
    state.form[field] = source;
    rail.refresh();
    changed();
  } catch (error) { told(error); }
}

function paint() {
  if (!begun()) toast(_("First choose a picture to paint on."));
  else painter ??= paintOn(compare, { done: (file) => takeAside({ file }, "mask"), leave: () => { painter = null; } });
}

// ---- Dreaming

const again = debounced(500, () => { if (begun() && !local) { state.past.push(state.unchanged ?? snapshot()); delete state.unchanged; begin(); } });
function changed() {
  // The step to go back to is what was before the first of several quick changes.
  if (!state.unchanged) state.unchanged = { ...snapshot(), form: structuredClone(state.lastForm ?? state.form) };
  keep();
  again();
}

function leaveJob() {
  again.cancel();
  if (job && ACTIVE.includes(job.state)) post(`/jobs/${job.id}/cancel`).catch(() => {});
  job = null;
  state.job = null;
}

async function begin(smaller = false) {
  const mine = ++generation;
  leaveJob();
  delete state.unchanged;
  state.lastForm = structuredClone(state.form);
  const { guide, mask } = state.form;
  const recipe = recipeOf(state.form, rail.looks);
  if (smaller) recipe.size = Math.max(256, Math.round((recipe.size || Math.max(state.width, state.height)) / 2));
  job = { id: null, state: "sending", progress: null };
  show();
  try {
    const sent = await post("/jobs", { kind: "dream", recipe, picture: state.source, guide, mask, title: rail.title() });
    if (mine !== generation) { post(`/jobs/${sent.id}/cancel`).catch(() => {}); return; }
    state.job = sent.id;
    keep();
    await heard(sent);
    refresh();
  } catch (error) {
    if (mine !== generation) return;
    job = { id: null, state: "failed", sentence: error.message };
    keep();
    show();
  }
}

const refresh = async () => {
  const id = state.job;
  if (!id) return;
  try { const now = await get(`/jobs/${id}`); if (state.job === id) await heard(now); } catch (error) {
    if (error.status === 404 && state.job === id) { state.job = null; job = null; keep(); show(); }
  }
};

async function heard(now) {
  if (now.id !== state.job) return;
  job = now;
  if (job.state === "done" && job.pictures?.length && state.result !== job.pictures[0]) {
    state.result = job.pictures[0];
    const made = await get(`/pictures/${state.result}`).catch(() => null);
    if (now.id !== state.job) return;
    state.made = made && { width: made.width, height: made.height };
    state.strip = [{ ...snapshot(), job: job.id }, ...state.strip.filter((each) => each.result !== state.result)].slice(0, MOST_RESULTS);
    keep();
  }
  show();
}

async function deeper() {
  if (!state.result) return;
  remember();
  const made = await get(`/pictures/${state.result}`).catch(() => null);
  Object.assign(state, { source: { picture: state.result }, sky: false, result: null, made: null, width: made?.width ?? state.width, height: made?.height ?? state.height });
  begin();
}

function back() {
  const before = state.past.pop();
  if (!before) return;
  painter?.close();
  generation += 1;
  leaveJob();
  delete state.unchanged;
  local = null;
  Object.assign(state, before);
  state.lastForm = structuredClone(state.form);
  keep();
  rail.refresh();
  show();
}

// ---- Showing

const act = (what) => async () => {
  if (what === "cancel") again.cancel();
  try { await heard(await post(`/jobs/${job.id}/${what}`)); } catch (error) { told(error); }
  refresh();
};

function actions() {
  const list = [];
  const add = (...made) => list.push(...made);
  const now = job?.state;
  if (local || now === "sending") return list;
  if (["waiting", "running"].includes(now)) { if (now === "running") add(button(_("Pause"), act("pause"))); add(button(_("Cancel"), act("cancel"))); }
  else if (now === "paused") add(button(_("Cancel"), act("cancel")), button(_("Go on"), act("resume"), { class: "main" }));
  else if (["failed", "set_aside"].includes(now)) {
    if (job.id) add(button(_("Log"), () => showLog(job)));
    add(button(_("Smaller"), () => begin(true)), button(_("Try again"), () => begin(), { class: "main" }));
  } else if (state.result) {
    add(favorite(state.result), saveMenu(state.result, deleteResult), button(_("Go deeper"), deeper, { class: "main" }));
  } else if (begun()) add(button(_("Dream"), () => begin(), { class: "main" }));
  if (state.past.length) list.unshift(button(_("Undo"), back, { title: "Ctrl+Z" }));
  if (begun()) list.unshift(el("label", { class: "button" }, _("New picture"), el("input", { type: "file", accept: "image/*", onchange: (event) => chosen(event) })));
  return list;
}

async function deleteResult() {
  const id = state.result;
  try { await remove(`/pictures/${id}`); } catch (error) { return told(error); }
  const before = { strip: state.strip, ...snapshot() };
  state.strip = state.strip.filter((each) => each.result !== id);
  Object.assign(state, { result: null, job: null });
  job = null;
  keep();
  show();
  toast(_("The picture is deleted."), _("Undo"), async () => {
    try { await post(`/pictures/${id}/restore`); } catch (error) { return told(error); }
    generation += 1;
    leaveJob();
    Object.assign(state, before);
    keep();
    show();
  }, 12);
}

function choose(entry) {
  if (entry.result === state.result) return;
  remember();
  generation += 1;
  leaveJob();
  const { source, sky, width, height, form, result, made } = structuredClone(entry);
  Object.assign(state, { source, sky, width, height, form, result, made, lastForm: form });
  keep();
  rail.refresh();
  show();
}

let drawn = "";
function show() {
  const canvas = $("canvas");
  canvas.dataset.state = local ? "uploading" : begun() ? job?.state ?? (state.result ? "done" : "ready") : "empty";
  $("empty").hidden = begun();
  $("frame").hidden = !begun();
  const status = $("status");
  const text = sentenceOf(job, !!local, begun());
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("failed", ["failed", "set_aside"].includes(job?.state));
  showProgress(job, local);
  showOctave(job);
  if (begun()) showPictures(compare, job, shownBefore());
  const key = JSON.stringify([job?.id, job?.state, state.result, state.past.length > 0, !!local, begun()]);
  if (key !== drawn) {
    const focused = $("actions").contains(document.activeElement);
    $("actions").replaceChildren(...actions());
    if (focused) ($("actions").querySelector(".main") ?? $("actions").lastElementChild)?.focus();
    showStrip(choose);
    drawn = key;
  }
}

// ---- Beginning

function chosen(event) { const file = event.target.files[0]; event.target.value = ""; if (file) take({ file }); }
$("choose").addEventListener("change", chosen);
$("take").addEventListener("change", chosen);
$("use-sky").addEventListener("click", takeSky);
takeDrops(document.body, take, { paste: true });
compareKeys(compare, () => begun() && !painter);
$("frame").addEventListener("dblclick", () => $("canvas").classList.toggle("actual"));
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z" && !typing(event.target)) { event.preventDefault(); back(); }
  if (event.key === "1" && !typing(event.target) && begun()) $("canvas").classList.toggle("actual");
});

on("job", (detail) => { if (jobOf(detail) === state.job) refresh(); });
on("progress", (detail) => {
  if (jobOf(detail) !== state.job || !job?.id) return;
  job = { ...job, state: job.state === "waiting" ? "running" : job.state, progress: progressOf(detail) };
  show();
});
on("preview", (detail) => {
  if (jobOf(detail) !== state.job || !job?.id || job.state === "done") return;
  job = { ...job, preview: detail.preview ?? detail.url ?? `/api/v1/jobs/${job.id}/preview?n=${detail.event}` };
  show();
});
happenings.busy = () => ["waiting", "running"].includes(job?.state);
happenings.addEventListener("back", () => { refresh(); rail.load(); });

header();
show();
const given = await rail.load();
rail.refresh();
const asked = new URLSearchParams(location.search);
if (asked.has("picture")) {
  history.replaceState(null, "", "/");
  await take({ own: { picture: asked.get("picture") } });
} else if (state.job) await refresh();
if (given && !asked.has("picture")) { keep(); toast(_("The recipe is set. Now choose a picture, or drop one."), _("Choose a picture"), () => $("choose").click(), 12); }
happenings.begin();
