// Everything that was made here: a wall of pictures at their own proportions, in pages by cursor.
import { _, ngettext, said } from "./studio/words.js";
import { $, button, debounced, el, titleOf, told, toast } from "./studio/dom.js";
import { at, get, post, query, remove } from "./studio/api.js";
import { happenings, on } from "./studio/events.js";
import { draggable } from "./parts/drop.js";
import { byId, Viewer } from "./parts/viewer.js";
import { sentenceOf } from "./studio/recipe.js";
import { header } from "./studio/header.js";

const address = new URLSearchParams(location.search);
const most = Number(address.get("N")) || 0;  // as clouddream's page: only so many
let latest = address.has("latest");
const GAP = 10;
const filter = { order: "newest", network: "", layer: "", favorite: false, media: "", text: "" };
let pictures = [], cursor = null, more = true, loading = false, seed = Math.floor(Math.random() * 1e6), generation = 0, looks = [];
let heights = [];
const chosen = new Set();
let selecting = false;
const tiles = new Map();
const viewer = new Viewer({ pictures: () => pictures, looks: () => looks, gone, returned: () => reload(), change: () => {} });

// ---- The wall

const columns = () => { const width = $("masonry").clientWidth; return width < 420 ? 1 : Math.max(2, Math.min(6, Math.round(width / 270))); };

function place(from = 0) {
  const count = columns();
  const width = ($("masonry").clientWidth - GAP * (count - 1)) / count;
  if (!from || heights.length !== count) { heights = new Array(count).fill(0); from = 0; }
  for (const picture of pictures.slice(from)) {
    const column = heights.indexOf(Math.min(...heights));
    const height = Math.max(60, Math.min(width * 2.2, (width * picture.height) / picture.width || width));
    const tile = tiles.get(picture.id);
    Object.assign(tile.style, { width: `${width}px`, height: `${height}px`, transform: `translate(${column * (width + GAP)}px, ${heights[column]}px)`, containIntrinsicSize: `${width}px ${height}px` });
    heights[column] += height + GAP;
  }
  $("masonry").style.height = `${Math.max(0, ...heights)}px`;
}

function tile(picture) {
  const name = sentenceOf(picture.recipe?.dream ?? picture.recipe ?? {}, looks) || _("Picture");
  const label = { film: _("Film"), pyramid: _("Huge"), sheet: _("Sheet") }[picture.media];
  const opener = el("button", { type: "button", "aria-label": name, onclick: () => (selecting ? choose(picture.id) : viewer.open(picture, opener)) },
    el("img", { src: at.thumb(picture.id, 320), srcset: `${at.thumb(picture.id, 320)} 320w, ${at.thumb(picture.id, 960)} 960w`, sizes: "(max-width: 420px) 92vw, 280px", alt: "", loading: "lazy", decoding: "async" }));
  let held = 0;
  opener.addEventListener("pointerdown", () => { held = setTimeout(() => { held = 0; if (!selecting) { select(true); choose(picture.id); opener.addEventListener("click", (event) => event.stopImmediatePropagation(), { once: true, capture: true }); } }, 550); });
  for (const kind of ["pointerup", "pointerleave", "pointercancel"]) opener.addEventListener(kind, () => clearTimeout(held));
  opener.addEventListener("contextmenu", (event) => { if (event.pointerType === "touch") event.preventDefault(); });
  draggable(opener, { picture: picture.id }, { width: picture.width, height: picture.height });
  return el("li", { class: "tile" }, opener, label ? el("span", { class: "label" }, label) : null);
}

function add(list, first = false) {
  const fresh = list.filter((each) => !tiles.has(each.id));
  for (const picture of fresh) tiles.set(picture.id, tile(picture));
  const before = pictures.length;
  if (first) { pictures = [...fresh, ...pictures]; $("masonry").prepend(...fresh.map((each) => tiles.get(each.id))); place(); }
  else { pictures = [...pictures, ...fresh]; $("masonry").append(...fresh.map((each) => tiles.get(each.id))); place(before); }
}

function gone(ids) {
  for (const id of ids) { tiles.get(id)?.remove(); tiles.delete(id); chosen.delete(id); }
  pictures = pictures.filter((each) => !ids.includes(each.id));
  place();
  nothing();
  selection();
}

// ---- Loading

async function load() {
  if (loading || !more || (most && pictures.length >= most)) return;
  loading = true;
  const mine = generation;
  try {
    const answer = await get(`/pictures${query({ ...filter, favorite: filter.favorite ? "true" : "", seed: filter.order === "random" ? seed : "", cursor, limit: most ? Math.min(60, most - pictures.length) : 60 })}`);
    if (mine !== generation) return;
    cursor = answer.next;
    more = !!cursor;
    add(answer.pictures);
    nothing();
  } catch (error) { told(error); more = false; } finally { if (mine === generation) loading = false; }
  if (mine === generation && more && $("end").getBoundingClientRect().top < innerHeight + 800) load();
}

async function reload() {
  generation += 1;
  pictures = []; cursor = null; more = true; loading = false;
  tiles.clear();
  $("masonry").replaceChildren();
  heights = [];
  await load();
}

function nothing() {
  const filtered = Object.entries(filter).some(([name, value]) => value && name !== "order");
  const words = $("nothing");
  words.hidden = pictures.length > 0;
  words.replaceChildren(filtered ? _("Nothing here is like that.") : _("Nothing was dreamed yet."), " ", filtered ? "" : el("a", { href: "/" }, _("Dream the first picture")));
}

// ---- Filters

function pills() {
  const one = (label, name, value, key) => el("label", { class: "pill" }, el("input", { type: key === "favorite" ? "checkbox" : "radio", name, checked: filter[key] === value, onchange: (event) => { filter[key] = key === "favorite" ? event.target.checked : value; if (value === "random") seed = Math.floor(Math.random() * 1e6); reload(); } }), label);
  const list = (label, key, values) => {
    const select = el("select", { "aria-label": label, onchange: () => { filter[key] = select.value; select.parentElement.classList.toggle("set", !!select.value); reload(); } }, el("option", { value: "" }, label), values.map(([value, text]) => el("option", { value }, text)));
    return el("label", { class: "pill" }, select);
  };
  const media = list(_("All kinds"), "media", [["picture", _("Pictures")], ["film", _("Films")], ["pyramid", _("Huge ones")], ["sheet", _("Sheets")]]);
  $("pills").replaceChildren(one(_("Newest"), "order", "newest", "order"), one(_("Random"), "order", "random", "order"), one(_("Favorites"), "favorite", true, "favorite"), media);
  get("/networks").then((answer) => {
    const here = (answer.networks ?? answer).filter((each) => each.here !== false);
    if (here.length > 1) $("pills").append(list(_("All networks"), "network", here.map((each) => [each.name, titleOf(each)])));
    const model = here[0];
    if (model) get(`/networks/${encodeURIComponent(model.name)}`).then((details) => $("pills").append(list(_("All layers"), "layer", details.layers.map((each) => [each.name, each.name])))).catch(() => {});
  }).catch(() => {});
}

// ---- Selecting

function select(wanted) {
  selecting = wanted;
  if (!wanted) chosen.clear();
  document.body.classList.toggle("selecting", wanted);
  $("select").setAttribute("aria-pressed", String(wanted));
  for (const [id, item] of tiles) item.firstElementChild.setAttribute("aria-pressed", String(chosen.has(id)));
  if (!wanted) for (const item of tiles.values()) item.firstElementChild.removeAttribute("aria-pressed");
  selection();
}

function choose(id) {
  if (chosen.has(id)) chosen.delete(id); else chosen.add(id);
  tiles.get(id).firstElementChild.setAttribute("aria-pressed", String(chosen.has(id)));
  selection();
}

function selection() {
  const bar = $("selection");
  bar.hidden = !selecting;
  const ids = [...chosen];
  const two = ids.map((id) => pictures.find((each) => each.id === id)).filter((each) => each?.media === "picture");
  bar.replaceChildren(el("span", { role: "status" }, ngettext("{n} chosen", "{n} chosen", ids.length)), el("span", { class: "push" }),
    button(_("Compare"), () => viewer.compareTwo(two[0], two[1]), { disabled: ids.length !== 2 || two.length !== 2 }),
    button(_("Save as a zip"), () => zip(ids), { disabled: !ids.length }),
    button(_("Delete"), () => removeAll(ids), { disabled: !ids.length }),
    button(_("Done"), () => select(false)));
}

async function zip(ids) {
  try {
    const response = await fetch("/api/v1/pictures/zip", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ids }) });
    if (!response.ok) throw new Error(said((await response.json()).detail));
    const url = URL.createObjectURL(await response.blob());
    el("a", { href: url, download: "dreams.zip" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch (error) { told(error); }
}

async function removeAll(ids) {
  const done = [];
  for (const id of ids) { try { await remove(`/pictures/${id}`); done.push(id); } catch (error) { told(error); break; } }
  gone(done);
  toast(ngettext("{n} picture is deleted.", "{n} pictures are deleted.", done.length), _("Undo"), async () => {
    try { for (const id of done) await post(`/pictures/${id}/restore`); } catch (error) { told(error); }
    reload();
  }, 12);
}

// ---- Beginning

async function fresh() {
  if (filter.order !== "newest") return;
  try {
    const answer = await get(`/pictures${query({ ...filter, favorite: filter.favorite ? "true" : "", limit: most || 20 })}`);
    add(answer.pictures, true);
    nothing();
    if (latest && answer.pictures[0] && viewer.picture?.id !== answer.pictures[0].id) viewer.open(pictures.find((each) => each.id === answer.pictures[0].id));
  } catch { /* said by the line at the top */ }
}
const soon = debounced(250, fresh);
on("picture", (detail) => {
  const id = detail.id ?? (typeof detail.picture === "string" ? detail.picture : detail.picture?.id);
  if ((detail.deleted || detail.what === "deleted") && tiles.has(id)) gone([id]); else soon();
});
on("job", (detail) => { if (detail.state === "done") soon(); });
happenings.addEventListener("back", soon);

$("filters").addEventListener("submit", (event) => event.preventDefault());
$("text").addEventListener("input", debounced(300, () => { filter.text = $("text").value.trim(); reload(); }));
$("select").addEventListener("click", () => select(!selecting));
addEventListener("resize", debounced(120, () => place()));
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && selecting && !document.querySelector("dialog[open]")) select(false); });
new IntersectionObserver((seen) => { if (seen[0].isIntersecting) load(); }, { rootMargin: "900px" }).observe($("end"));
header();
pills();
await Promise.all([get("/looks").then((answer) => { looks = answer.looks ?? answer; }).catch(() => {}), load()]);
const asked = address.get("picture");
if (asked) { try { viewer.open(pictures.find((each) => each.id === asked) ?? await byId(asked)); } catch (error) { told(error); } }
if (latest && pictures[0]) viewer.open(pictures[0]);
viewer.dialog.addEventListener("close", () => { latest = false; });
happenings.begin();
