// A picture as large as a wall: how large, how long and how much disk first; then the result, to look at closely.
import { _, N_, bytes, duration, number } from "./studio/words.js";
import { $, el, kept, told } from "./studio/dom.js";
import { at, get, upload } from "./studio/api.js";
import { happenings } from "./studio/events.js";
import { takeDrops } from "./parts/drop.js";
import { ACTIVE, Following } from "./studio/running.js";
import { DeepZoom } from "./parts/deepzoom.js";
import { header } from "./studio/header.js";

const PAPERS = [["A4", 29.7], ["A3", 42], ["A2", 59.4], ["A1", 84.1]];
const INCH = 2.54;
const DPI = 300;
const NOT_LARGE = ["enlarge", "size", "guide", "mask", "weights", "device", "max_memory", "initial_size", "final_size", "octaves"];
const state = { source: null, width: 0, height: 0, side: 3508, job: null, result: null, recipe: null, ...kept.read("huge", {}) };
const keep = () => kept.write("huge", state);
let settings = null, rate = null, shown = null;
const following = new Following((job) => {
  if (job?.state === "done" && job.pictures?.length && !job.pictures.includes(state.result)) { state.result = job.pictures[0]; keep(); }
  draw();
});

async function take({ file, own }) {
  try {
    await following.leave();
    if (own) {
      const made = own.picture ? await get(`/pictures/${own.picture}`) : await get(`/uploads/${own.upload}`);
      Object.assign(state, { source: own.picture ? { picture: own.picture } : { upload: own.upload }, width: made.width, height: made.height, recipe: own.picture ? made.recipe : null });
      if (made.media === "pyramid") Object.assign(state, { source: made.source, result: own.picture }); else state.result = null;
    } else {
      $("status").textContent = _("Sending the picture …");
      const sent = await upload(file, file.name);
      Object.assign(state, { source: { upload: sent.id }, width: sent.width, height: sent.height, recipe: null, result: null });
    }
    state.job = null;
    keep();
  } catch (error) { told(error); }
  draw();
}

function size() {
  const long = Math.max(state.width, state.height) || 1;
  const short = Math.min(state.width, state.height) || 1;
  return [state.side, Math.max(1, Math.round((state.side * short) / long))];
}

// Time by what the largest of the last dreams here took for each pixel, as what is not of its size counts least there; disk for
// the picture, its pieces and what is kept on the way.
async function measure() {
  try {
    const answer = await get("/jobs?state=done&limit=40");
    const dreams = answer.jobs.filter((job) => ["dream", "enlarge"].includes(job.kind) && job.begun && job.pictures?.length).slice(0, 8);
    const made = await Promise.all(dreams.map((job) => get(`/pictures/${job.pictures[0]}`).catch(() => null)));
    const known = dreams.map((job, n) => ({ seconds: job.ended - job.begun, pixels: made[n] ? made[n].width * made[n].height : 0 })).filter((each) => each.pixels);
    const largest = known.sort((one, two) => two.pixels - one.pixels)[0];
    rate = largest ? largest.seconds / largest.pixels : null;
  } catch { rate = null; }
  cost();
}

function cost() {
  const [long, short] = size();
  const pixels = long * short;
  const disk = pixels * 3 * 1.4 + pixels * 12;
  const facts = [[_("Pixels"), `${number(long)} × ${number(short)}`], [_("On paper, at {n} dots an inch", { n: DPI }), _("{w} × {h} cm", { w: number((long / DPI) * INCH, { maximumFractionDigits: 0 }), h: number((short / DPI) * INCH, { maximumFractionDigits: 0 }) })],
    [_("Time, about"), rate ? duration(pixels * rate) : _("known after a first dream")], [_("Disk, at most"), settings?.disk_free ? _("{used} of {all} free", { used: bytes(disk), all: bytes(settings.disk_free) }) : bytes(disk)]];
  $("cost").replaceChildren(...(state.source ? facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]) : []));
  const room = !settings?.disk_free || disk < settings.disk_free;
  $("begin").disabled = !state.source || !room || ACTIVE.includes(following.job?.state);
  $("begin").textContent = room ? _("Begin") : _("There is not enough room on the disk");
}

async function begin() {
  const given = Object.fromEntries(Object.entries(state.recipe ?? {}).filter(([name, value]) => value != null && !NOT_LARGE.includes(name)));
  try {
    const job = await following.begin({ kind: "enlarge", recipe: given, picture: state.source, title: N_("Print size"), options: { side: state.side } });
    Object.assign(state, { job: job.id, result: null });
    keep();
  } catch (error) { told(error); }
  draw();
}

function papers() {
  const choices = PAPERS.map(([name, cm]) => [name, Math.round((cm / INCH) * DPI)]);
  const most = settings?.max_pixels;
  $("papers").replaceChildren(...choices.filter(([, side]) => !most || side * side * 0.7 < most * 4).map(([name, side]) => el("label", { class: "pill" }, el("input", { type: "radio", name: "paper", value: side, checked: side === state.side, onchange: () => { state.side = side; $("side").value = side; keep(); cost(); } }), el("span", {}, name), el("small", {}, `${number(side)}`))));
  $("side").value = state.side;
}

function draw() {
  $("empty").hidden = !!state.source || !!state.result;
  const frame = $("frame");
  frame.hidden = !state.source && !state.result;
  $("canvas").style.setProperty("--ratio", String(state.width / state.height || 1.7778));
  const preview = ACTIVE.includes(following.job?.state) && following.job.preview;
  if (state.result && !ACTIVE.includes(following.job?.state)) {
    if (shown !== state.result) { shown = state.result; result(frame); }
  } else if (state.source) {
    shown = null;
    const source = preview || at.source(state.source);
    frame.classList.remove("zoomable");
    frame.style.setProperty("--ratio", String(state.width / state.height || 1.7778));
    if (frame.firstElementChild?.tagName !== "IMG") frame.replaceChildren(el("img", { alt: _("The picture"), src: source })); else frame.firstElementChild.src = source;
  }
  const free = !ACTIVE.includes(following.job?.state);
  following.draw(free && (state.source || state.result) ? [el("label", { class: "button" }, _("New picture"), el("input", { type: "file", accept: "image/*", onchange: (event) => { if (event.target.files[0]) take({ file: event.target.files[0] }); } })), ...(state.result ? [el("a", { class: "button", href: at.download(state.result), download: "" }, _("Save"))] : [])] : []);
  cost();
}

async function result(frame) {
  frame.classList.add("zoomable");
  try {
    const job = following.job;
    const all = await Promise.all((job?.pictures?.length ? job.pictures : [state.result]).map((id) => get(`/pictures/${id}`)));
    const pieces = all.find((each) => each.media === "pyramid");
    const whole = all.find((each) => each.media === "picture");
    if (whole) state.result = shown = whole.id;
    if (pieces) { await new DeepZoom(frame, `/api/v1/pictures/${pieces.id}/pyramid`).open(); return; }
    frame.classList.remove("zoomable");
    frame.replaceChildren(el("img", { src: at.thumb(state.result, 960), alt: _("The picture") }));
  } catch (error) { told(error); }
}

$("choose").addEventListener("change", (event) => { if (event.target.files[0]) take({ file: event.target.files[0] }); });
$("side").addEventListener("change", () => { if (!$("side").checkValidity()) return; state.side = Number($("side").value); keep(); papers(); cost(); });
$("begin").addEventListener("click", begin);
takeDrops(document.body, take, { paste: true });
header();
settings = await get("/settings").catch(() => null);
papers();
measure();
const asked = new URLSearchParams(location.search).get("picture");
if (asked) { history.replaceState(null, "", location.pathname); await take({ own: { picture: asked } }); } else { draw(); if (state.job) await following.follow(state.job); }
happenings.begin();
