// Films: a flight into a picture, or a film dreamed. The first second is tried before the whole is asked for.
import { _, N_ } from "./studio/words.js";
import { $, button, el, kept, swap, told, toast } from "./studio/dom.js";
import { at, get, query, upload } from "./studio/api.js";
import { happenings, on, whereOf } from "./studio/events.js";
import { takeDrops } from "./parts/drop.js";
import { fields, settingsCount, showLooks } from "./parts/form.js";
import { CurveLine } from "./parts/curve.js";
import { ACTIVE, Following } from "./studio/running.js";
import { header } from "./studio/header.js";

const CURVES = ["zoom", "rotate", "pan_x", "pan_y", "opacity"];
const state = { kind: "zoom", source: null, sky: false, media: "picture", width: 0, height: 0, options: { zoom: {}, video: {} }, look: "", size: 640, job: null, film: null, curve: "zoom", ...kept.read("motion", {}) };
const keep = () => kept.write("motion", state);
let looks = [], schemas = {};
const following = new Following(heard);
const curve = new CurveLine(el("div"), (name, text) => set(name, text));
const options = () => state.options[state.kind];
const schema = () => schemas[state.kind]?.options ?? { properties: {} };
const seconds = () => Number(options().seconds ?? schema().properties.seconds?.default ?? 10);

function set(name, value) {
  if (value === undefined || value === schema().properties[name]?.default) delete options()[name]; else options()[name] = value;
  keep();
  if (name === "seconds") timeline();
  draw();
}

// ---- What to begin with

async function take({ file, own }) {
  try {
    if (own) {
      const made = own.picture ? await get(`/pictures/${own.picture}`) : await get(`/uploads/${own.upload}`);
      Object.assign(state, { source: own.picture ? { picture: own.picture } : { upload: own.upload }, media: made.media, width: made.width, height: made.height });
    } else {
      $("status").textContent = _("Sending the picture …");
      $("progress").hidden = false;
      const sent = await upload(file, file.name, (share) => { $("progress").firstElementChild.style.transform = `scaleX(${share})`; });
      Object.assign(state, { source: { upload: sent.id }, media: sent.media ?? "picture", width: sent.width, height: sent.height });
    }
    state.sky = false;
    await following.leave();
    Object.assign(state, { kind: state.media === "film" ? "video" : "zoom", film: null, job: null });
    keep();
    kinds();
  } catch (error) { told(error); }
  draw();
}

async function sky() { await following.leave(); Object.assign(state, { source: null, sky: true, media: "picture", kind: "zoom", width: 1024, height: 576, film: null, job: null }); keep(); kinds(); }

// ---- Making

async function make(whole) {
  const look = looks.find((each) => each.name === state.look);
  const asked = { ...options() };
  if (!whole && state.kind === "zoom") Object.assign(asked, { seconds: Math.min(1, seconds()), frames: null });
  if (!whole && state.kind === "video") asked.end = String(Number(asked.begin ?? 0) + 1);
  const recipe = { ...(look?.recipe ?? {}) };
  if (state.kind === "zoom") recipe.size = whole ? state.size : Math.min(384, state.size);
  if (state.kind === "video" && !asked.max_size) asked.max_size = whole ? state.size : Math.min(384, state.size);
  for (const [name, value] of Object.entries(asked)) if (value === null) delete asked[name];
  try {
    const job = await following.begin({ kind: state.kind, recipe, options: asked, picture: state.source, title: whole ? N_("Film") : N_("The first second") });
    state.job = job.id;
    state.whole = whole;
    keep();
  } catch (error) { told(error); }
}

function heard(job) {
  if (!job) { state.job = null; keep(); return draw(); }
  if (job.state === "done" && job.pictures?.length && state.film !== job.pictures[0]) { state.film = job.pictures[0]; keep(); films(); }
  draw();
}

// ---- Showing

function draw() {
  const begun = !!state.source || state.sky;
  $("empty").hidden = begun;
  const frame = $("frame");
  frame.hidden = !begun;
  for (const element of [frame, $("canvas")]) element.style.setProperty("--ratio", String(state.width / state.height || 1.7778));
  const job = following.job;
  const active = ACTIVE.includes(job?.state);
  if (begun) {
    if (state.film && !active) {
      const source = at.file(state.film);
      if (frame.firstElementChild?.getAttribute("src") !== source) frame.replaceChildren(el("video", { src: source, controls: true, loop: true, preload: "auto", autoplay: !matchMedia("(prefers-reduced-motion: reduce)").matches, muted: true, playsinline: true, "aria-label": _("The film") }));
    } else {
      const source = active && job.preview ? job.preview : state.sky ? `${document.documentElement.dataset.static}/img/sky.webp` : state.media === "film" && state.source.upload ? null : state.source ? at.source(state.source) : null;
      if (state.media === "film" && !(active && job.preview)) {
        const film = state.source.upload ? `/api/v1/uploads/${state.source.upload}/file` : at.file(state.source.picture);
        if (frame.firstElementChild?.getAttribute("src") !== film) frame.replaceChildren(el("video", { src: film, controls: true, muted: true, playsinline: true, "aria-label": _("The film before") }));
      } else {
        if (frame.firstElementChild?.tagName !== "IMG") frame.replaceChildren(el("img", { alt: _("The film so far"), src: source }));
        else swap(frame.firstElementChild, source);
      }
    }
  }
  $("tag").hidden = !(active && job.progress?.where);
  if (!$("tag").hidden) $("tag").textContent = whereOf(job.progress.where);
  const others = begun && !active ? [
    el("label", { class: "button" }, _("New picture"), el("input", { type: "file", accept: "image/*,video/*", onchange: (event) => { if (event.target.files[0]) take({ file: event.target.files[0] }); } })),
    ...(state.film ? [el("a", { class: "button", href: at.download(state.film), download: "" }, _("Save the film"))] : []),
    button(_("Try the first second"), () => make(false), { class: state.film && !state.whole ? "" : "main" }),
    button(_("Make the whole film"), () => make(true), { class: state.film && !state.whole ? "main" : "" })] : [];
  following.draw(others);
}

function timeline() {
  const place = $("timeline");
  place.hidden = state.kind !== "zoom";
  if (place.hidden) return;
  const known = CURVES.filter((name) => schema().properties[name]);
  if (!known.includes(state.curve)) state.curve = known[0];
  if (!state.curve) { place.hidden = true; return; }
  place.replaceChildren(el("div", { class: "pills", role: "radiogroup", "aria-label": _("What changes along the film") }, known.map((name) => el("label", { class: "pill" }, el("input", { type: "radio", name: "curve", checked: name === state.curve, onchange: () => { state.curve = name; keep(); timeline(); } }), _(schema().properties[name].title)))), curve.place);
  curve.show(state.curve, _(schema().properties[state.curve].title), options()[state.curve] ?? schema().properties[state.curve].default, seconds());
}

function kinds() {
  for (const input of document.querySelectorAll("[name=kind]")) input.checked = input.value === state.kind;
  const properties = schema().properties;
  const everyday = Object.keys(properties).filter((name) => properties[name].level === "everyday" && !CURVES.includes(name));
  fields($("everyday"), schema(), { only: everyday, values: options(), changed: set, flat: true });
  const side = el("select", { id: "side", onchange: () => { state.size = Number(side.value); keep(); } }, [384, 640, 960, 1280, 1920].map((each) => el("option", { value: each, selected: each === state.size }, String(each))));
  if (state.kind === "zoom") $("everyday").append(el("div", { class: "field" }, el("label", { for: "side" }, el("span", {}, _("Longer side, in pixels"))), side));
  const show = () => { $("rest-word").textContent = settingsCount(count, Object.keys(options()).filter((name) => !everyday.includes(name)).length); };
  const count = fields($("rest"), schema(), { leave: [...everyday, "keys"], values: options(), changed: (name, value) => { set(name, value); show(); if (CURVES.includes(name)) timeline(); } });
  show();
  timeline();
  draw();
}

async function films() {
  try {
    const answer = await get(`/pictures${query({ media: "film", limit: 20 })}`);
    $("strip").replaceChildren(...answer.pictures.map((each, n) => el("li", {}, el("button", { type: "button", "aria-current": String(each.id === state.film), "aria-label": _("Film {n}", { n: n + 1 }), onclick: () => { Object.assign(state, { film: each.id, width: each.width, height: each.height, whole: true, ...(state.source || state.sky ? {} : { sky: true }) }); keep(); draw(); films(); } }, el("img", { src: at.thumb(each.id), alt: "", loading: "lazy" })))));
  } catch { /* said by the line at the top */ }
}

for (const input of document.querySelectorAll("[name=kind]")) input.addEventListener("change", () => { state.kind = input.value; keep(); kinds(); if (state.kind === "video" && state.media !== "film") toast(_("Drop a film here: MP4, WebM or GIF.")); });
$("choose").addEventListener("change", (event) => { if (event.target.files[0]) take({ file: event.target.files[0] }); });
$("use-sky").addEventListener("click", sky);
$("rest").addEventListener("submit", (event) => event.preventDefault());
takeDrops(document.body, take, { paste: true, films: true });
on("picture", () => films());
header();
const quiet = (promise, set_) => promise.then(set_).catch(() => {});
await Promise.all([quiet(get("/looks"), (answer) => { looks = answer.looks ?? answer; }), ...["zoom", "video"].map((kind) => quiet(get(`/recipe?kind=${kind}`), (answer) => { schemas[kind] = answer; }))]);
looks = looks.filter((look) => !look.recipe.preset);
state.look ||= looks[0]?.name ?? "";
showLooks($("looks"), looks, state.look, (name) => { state.look = name; keep(); });
kinds();
films();
const asked = new URLSearchParams(location.search).get("picture");
if (asked) { history.replaceState(null, "", location.pathname); await take({ own: { picture: asked } }); } else if (state.job) await following.follow(state.job);
happenings.begin();
