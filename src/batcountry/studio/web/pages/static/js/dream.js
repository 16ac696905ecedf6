// The first page: a picture dropped anywhere dreams at once; what is changed dreams again from what is kept.
import { _, N_, ngettext, number, timeLeft } from "./studio/words.js";
import { $, button, copy, debounced, kept, menu, save, swap, told, toast, typing, el } from "./studio/dom.js";
import { at, get, patch, post, remove, upload } from "./studio/api.js";
import { happenings, jobOf, on, progressOf } from "./studio/events.js";
import { Compare, compareKeys } from "./parts/compare.js";
import { draggable, takeDrops } from "./parts/drop.js";
import { blankForm, recipeOf } from "./studio/recipe.js";
import { Rail } from "./parts/rail.js";
import { Painter } from "./parts/mask.js";
import { header } from "./studio/header.js";

const SKY = { width: 1024, height: 576 };
const ACTIVE = ["waiting", "running", "paused"];
const MOST_RESULTS = 40;
const MOST_STEPS = 60;

// What survives a reload: where the picture comes from, the form, the job, and the results so far.
const state = { source: null, sky: false, width: 0, height: 0, form: blankForm(), job: null, result: null, strip: [], past: [], ...kept.read("dream", {}) };
state.form = { ...blankForm(), ...state.form };
const keep = () => kept.write("dream", { ...state, past: state.past.slice(-MOST_STEPS), strip: state.strip.slice(0, MOST_RESULTS) });

let job = null;        // the job as the studio last told it
let local = null;      // {url, share} while a picture is on its way
let generation = 0;    // counts beginnings: what an older one answers is dropped
let painter = null;
const compare = new Compare($("frame"));
const rail = new Rail(state, { changed, guide: takeGuide, mask: takeMask, paint });

const begun = () => !!(state.source || state.sky || local);
const snapshot = () => structuredClone({ source: state.source, sky: state.sky, width: state.width, height: state.height, form: state.form, result: state.result });
const beforeAddress = () => (local ? local.url : state.source ? at.source(state.source) : `${document.documentElement.dataset.static}/img/sky.webp`);

// ---- Taking pictures

function remember() { if (begun() && !local) { state.past.push(snapshot()); keep(); } }

async function measured(file) {
  const url = URL.createObjectURL(file);
  const image = new Image();
  image.src = url;
  try { await image.decode(); } catch { return { url, width: 0, height: 0 }; }
  return { url, width: image.naturalWidth, height: image.naturalHeight };
}

async function take({ file, own }) {
  painter?.close();
  const mine = ++generation;
  remember();
  leaveJob();
  Object.assign(state, { sky: false, result: null, source: null });
  state.form.mask = null;
  if (own) {
    Object.assign(state, { source: own.upload ? { upload: own.upload } : { picture: own.picture }, width: own.width ?? 0, height: own.height ?? 0 });
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
    const sent = await upload(file, file.name, (share) => { if (local) local.share = share; progress(); });
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

async function sizeOf(entry) {
  try {
    const found = entry.source.picture ? await get(`/pictures/${entry.source.picture}`) : await get(`/uploads/${entry.source.upload}`);
    Object.assign(entry, { width: found.width, height: found.height });
  } catch { Object.assign(entry, SKY); }
}

function takeSky() {
  generation += 1;
  remember();
  leaveJob();
  Object.assign(state, { source: null, sky: true, result: null, ...SKY });
  state.form.mask = null;
  begin();
}

async function takeAside(given, field) {
  try {
    const source = given.own ? (given.own.upload ? { upload: given.own.upload } : { picture: given.own.picture }) : { upload: (await upload(given.file, given.file.name)).id };
    state.form[field] = source;
    rail.refresh();
    changed();
  } catch (error) { told(error); }
}
function takeGuide(given) { return takeAside(given, "guide"); }
function takeMask(given) { return takeAside(given, "mask"); }

function paint() {
  if (!begun()) { toast(_("First choose a picture to paint on.")); return; }
  if (painter) return;
  compare.still = true;
  $("canvas").classList.add("is-painting");
  compare.peek(true);
  $("canvas").scrollIntoView({ block: "nearest", behavior: "smooth" });
  painter = new Painter($("frame"), $("painting"), {
    width: state.width || SKY.width, height: state.height || SKY.height,
    done: (blob) => takeMask({ file: new File([blob], "mask.png", { type: "image/png" }) }),
    leave: () => { painter = null; compare.still = false; compare.peek(false); $("canvas").classList.remove("is-painting"); },
  });
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
    state.strip = [{ ...snapshot(), job: job.id }, ...state.strip.filter((each) => each.result !== state.result)].slice(0, MOST_RESULTS);
    keep();
  }
  show();
}

async function deeper() {
  if (!state.result) return;
  remember();
  const made = await get(`/pictures/${state.result}`).catch(() => null);
  Object.assign(state, { source: { picture: state.result }, sky: false, result: null, width: made?.width ?? state.width, height: made?.height ?? state.height });
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

function progress() {
  const bar = $("progress");
  const share = local ? local.share : job?.state === "running" || job?.state === "paused" ? job.progress?.done : null;
  const moving = !!local || ["sending", "waiting", "running", "paused"].includes(job?.state);
  bar.hidden = !moving;
  bar.classList.toggle("unknown", moving && share == null);
  bar.firstElementChild.style.transform = share == null ? "" : `scaleX(${share})`;
}

function sentence() {
  if (local) return _("Sending the picture …");
  if (!begun()) return "";
  const size = state.width ? `${number(state.width, { useGrouping: false })} × ${number(state.height, { useGrouping: false })}` : "";
  const dot = (...parts) => parts.filter(Boolean).join(" · ");
  switch (job?.state) {
    case "sending": return _("Getting ready …");
    case "waiting": return dot(_("Waiting"), job.sentence && _(job.sentence), job.ahead > 0 ? ngettext("{n} is before it", "{n} are before it", job.ahead) : "", job.starts_in > 1 ? _("begins in {n} s", { n: Math.round(job.starts_in) }) : "");
    case "running": return dot(_("Dreaming"), job.progress ? timeLeft(job.progress.seconds_left) : _("looking at the picture"), size);
    case "paused": return dot(_("Paused"), _("the memory is free"));
    case "failed": return _(job.sentence || N_("It did not work."));
    case "set_aside": return _(job.sentence || N_("It stopped the program twice, and was set aside."));
    case "cancelled": return _("Cancelled");
  }
  return state.result ? dot(_("Done"), size) : size;
}

function act(what) { return async () => { if (what === "cancel") again.cancel(); try { await heard(await post(`/jobs/${job.id}/${what}`)); refresh(); } catch (error) { told(error); refresh(); } }; }

function actions() {
  const list = [];
  const add = (...made) => list.push(...made);
  const now = job?.state;
  if (local || now === "sending") return list;
  if (["waiting", "running"].includes(now)) { if (now === "running") add(button(_("Pause"), act("pause"))); add(button(_("Cancel"), act("cancel"))); }
  else if (now === "paused") add(button(_("Cancel"), act("cancel")), button(_("Go on"), act("resume"), { class: "main" }));
  else if (["failed", "set_aside"].includes(now)) {
    if (job.id) add(button(_("Log"), showLog));
    add(button(_("Smaller"), () => begin(true)), button(_("Try again"), () => begin(), { class: "main" }));
  } else if (state.result) {
    add(favorite(), menu(_("Save"), [
      [_("PNG with the recipe"), at.download(state.result, "png")], [_("JPEG"), at.download(state.result, "jpeg")],
      [_("Print size …"), `/huge?picture=${state.result}`], [_("Recipe as a file"), async () => save("recipe.json", await recipeText())],
      [_("Copy the recipe"), async () => copy(await recipeText(), _("The recipe is copied."))], [_("Fly into it …"), `/motion?picture=${state.result}`],
      [_("Delete"), deleteResult],
    ]), button(_("Go deeper"), deeper, { class: "main" }));
  } else if (begun()) add(button(_("Dream"), () => begin(), { class: "main" }));
  if (state.past.length) list.unshift(button(_("Undo"), back, { title: "Ctrl+Z" }));
  if (begun()) list.unshift(el("label", { class: "button" }, _("New picture"), el("input", { type: "file", accept: "image/*", onchange: (event) => chosen(event) })));
  return list;
}

const recipeText = async () => JSON.stringify(await get(`/pictures/${state.result}/recipe`), null, 2);

const favorites = new Set();
function favorite() {
  const id = state.result;
  const button_ = button(_("Favorite"), async () => {
    const on_ = !favorites.has(id);
    try { await patch(`/pictures/${id}`, { favorite: on_ }); } catch (error) { return told(error); }
    if (on_) favorites.add(id); else favorites.delete(id);
    button_.setAttribute("aria-pressed", String(on_));
  }, { "aria-pressed": String(favorites.has(id)) });
  return button_;
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

async function showLog() {
  let text = "";
  try { text = (await get(`/jobs/${job.id}/log`)).log; } catch (error) { text = error.message; }
  const dialog = el("dialog", { "aria-label": _("Log"), onclose: () => dialog.remove() }, el("pre", { tabindex: "0" }, text || _("There is no log.")), el("p", { class: "row" }, el("span", { class: "push" }), button(_("Close"), () => dialog.close())));
  document.body.append(dialog);
  dialog.showModal();
}

function strip() {
  $("strip").replaceChildren(...state.strip.map((entry, n) => {
    const image = el("img", { src: at.thumb(entry.result), alt: _("Result {n}", { n: state.strip.length - n }), loading: "lazy", onerror: () => item.remove() });
    const chooser = el("button", { type: "button", "aria-current": String(entry.result === state.result), onclick: () => choose(entry) }, image);
    const item = el("li", {}, chooser);
    draggable(chooser, { picture: entry.result }, { width: entry.width, height: entry.height });
    return item;
  }));
}

function choose(entry) {
  if (entry.result === state.result) return;
  remember();
  generation += 1;
  leaveJob();
  const { source, sky, width, height, form, result } = structuredClone(entry);
  Object.assign(state, { source, sky, width, height, form, result, lastForm: form });
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
  const text = sentence();
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("failed", ["failed", "set_aside"].includes(job?.state));
  progress();
  const octave = $("tag");
  octave.hidden = !(job?.state === "running" && job.progress?.octaves);
  if (!octave.hidden) octave.textContent = _("octave {n} of {all}", { n: job.progress.octave, all: job.progress.octaves });
  if (begun()) {
    compare.ratio(state.width || SKY.width, state.height || SKY.height);
    compare.showBefore(beforeAddress());
    const running = job && ["running", "paused", "waiting", "cancelled", "failed"].includes(job.state);
    const after = state.result ? at.file(state.result) : running && job.preview ? job.preview : null;
    if (after) compare.showAfter(after);
    else if (!compare.after.getAttribute("src") || !["sending", "waiting", "running"].includes(job?.state)) compare.showAfter(beforeAddress());
    compare.split(!!after || (["sending", "waiting", "running"].includes(job?.state) && !!compare.after.getAttribute("src") && compare.after.getAttribute("src") !== beforeAddress()));
  }
  const key = JSON.stringify([job?.id, job?.state, state.result, state.past.length > 0, !!local, begun()]);
  if (key !== drawn) {
    const focused = $("actions").contains(document.activeElement);
    $("actions").replaceChildren(...actions());
    if (focused) ($("actions").querySelector(".main") ?? $("actions").lastElementChild)?.focus();
    strip();
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
