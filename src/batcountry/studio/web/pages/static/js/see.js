// What a network is made of: its layers, what their channels like, what it knows by name, and what it sees in a picture.
import { _, ngettext, number } from "./studio/words.js";
import { $, debounced, el, kept, titleOf, told } from "./studio/dom.js";
import { at, get, post, query, upload } from "./studio/api.js";
import { happenings, on } from "./studio/events.js";
import { takeDrops } from "./parts/drop.js";
import { objectiveText } from "./studio/recipe.js";
import { dreamWith } from "./studio/recipes_of.js";
import { ACTIVE, Following } from "./studio/running.js";
import { header } from "./studio/header.js";

const PAGE = 60;
let networks = [], network = null, layer = null, shown = 0, source = null, drawn = new Set();
const chosen = kept.read("see", {});
const keep = () => kept.write("see", { model: network?.name, layer: layer?.name });
const base = () => ({ model: network.name, ...(kept.read("dream", {}).form?.strength ? { strength: kept.read("dream", {}).form.strength } : {}), size: 1024 });
const begin = (recipe) => dreamWith({ ...base(), ...recipe }, null);

async function show(name) {
  $("layers").replaceChildren(el("li", { class: "soft" }, _("Looking into the network …")));
  try { network = await get(`/networks/${encodeURIComponent(name)}`); } catch (error) { told(error); $("layers").replaceChildren(el("li", { class: "soft" }, error.message)); return; }
  const layers = network.layers;
  $("layers").replaceChildren(...layers.map((each) => el("li", {}, el("button", { type: "button", "data-layer": each.name, onclick: () => { choose(each); if (matchMedia("(max-width: 820px)").matches) $("sheet-title").focus(); } },
    each.picture ? small(each) : el("i", { class: "blank" }), el("b", {}, each.name), each.channels ? el("span", {}, number(each.channels)) : null))));
  choose(layers.find((each) => each.name === (chosen.model === name ? chosen.layer : network.default_layer)) ?? layers.find((each) => each.name === network.default_layer) ?? layers.at(-1));
  classes();
}

const small = (each) => el("img", { src: each.picture, alt: "", loading: "lazy", width: "40", height: "40" });

// Pictures of layers come one after the other while nobody dreams.
const pictured = debounced(400, async () => {
  const name = network.name;
  const found = await get(`/networks/${encodeURIComponent(name)}`).catch(() => null);
  if (!found || network.name !== name) return;
  for (const each of found.layers) {
    const blank = each.picture && $("layers").querySelector(`[data-layer="${CSS.escape(each.name)}"] .blank`);
    if (blank) blank.replaceWith(small(each));
  }
});
on("network", (detail) => { if (detail.network === network?.name) pictured(); });

function choose(each) {
  layer = each;
  keep();
  for (const item of $("layers").querySelectorAll("button")) item.setAttribute("aria-current", String(item.dataset.layer === each.name));
  const current = $("layers").querySelector("[aria-current=true]");
  if (current) { const list = $("layers"); const box = current.getBoundingClientRect(), outer = list.getBoundingClientRect(); if (box.top < outer.top || box.bottom > outer.bottom) list.scrollTop += box.top - outer.top - 60; if (box.left < outer.left || box.right > outer.right) list.scrollLeft += box.left - outer.left - 60; }
  $("sheet-title").textContent = each.channels ? `${each.name} · ${ngettext("{n} channel", "{n} channels", each.channels)}` : each.name;
  $("channels").replaceChildren();
  drawn = new Set();
  shown = 0;
  more();
  lookUp();
}

function more() {
  const to = Math.min(layer.channels ?? 0, shown + PAGE);
  for (; shown < to; shown += 1) {
    const n = shown;
    $("channels").append(el("li", {}, el("button", { type: "button", "data-channel": n, "aria-label": _("channel {n} of {layer}", { n, layer: layer.name }), onclick: () => becomeLook(n) }, el("span", {}, String(n)))));
  }
  $("more-channels").hidden = shown >= (layer.channels ?? 0);
  fill();
}

const becomeLook = (n) => begin({ objective: `channel(${objectiveText(layer.name)}, ${n})` });

// ---- Channels as far as they were drawn

async function lookUp() {
  const [model, name] = [network.name, layer.name];
  try {
    const answer = await get(`/networks/${encodeURIComponent(model)}/layers/${encodeURIComponent(name)}/channels`);
    if (network.name === model && layer.name === name) { drawn = new Set(answer.drawn); fill(); }
  } catch (error) { told(error); }
}

function fill() {
  for (const item of $("channels").querySelectorAll("button:not(:has(img))")) {
    const n = Number(item.dataset.channel);
    if (drawn.has(n)) item.prepend(el("img", { src: at.channel(network.name, layer.name, n), alt: "", loading: "lazy" }));
  }
  $("draw").hidden = drawn.size >= (layer.channels ?? 0) || ACTIVE.includes(drawing?.job?.state);
}

const again = debounced(900, lookUp);
const drawing = new Following((job) => {
  $("drawing").textContent = job && ACTIVE.includes(job.state) ? drawing.sentence() : job && ["failed", "set_aside"].includes(job.state) ? drawing.sentence() : "";
  fill();
  if (job) again();
});
$("draw").addEventListener("click", async () => {
  try { drawing.heard((drawing.job = await post(`/networks/${encodeURIComponent(network.name)}/draw`, { layers: [layer.name] }))); drawing.refresh(); } catch (error) { told(error); }
});

const classes = debounced(150, async () => {
  try {
    const answer = await get(`/networks/${encodeURIComponent(network.name)}/classes${query({ search: $("class-text").value.trim(), limit: 60 })}`);
    const names = answer.classes.map((each) => each.name ?? each);
    $("classes").replaceChildren(...(names.length ? names.map((name) => el("li", {}, el("button", { type: "button", onclick: () => begin({ objective: `logit(${objectiveText(name)})` }) }, name))) : [el("li", { class: "soft" }, _("It knows nothing of that name."))]));
  } catch (error) { told(error); }
});

// ---- What it sees in a picture

const following = new Following((job) => {
  const place = $("seen");
  if (!job) return place.replaceChildren();
  if (job.state === "done") seen(job);
  else place.replaceChildren(el("p", { class: "soft", role: "status" }, following.sentence()));
});

// Where each of the strongest channels is excited, one beside the other on a sheet; a click on one makes it the look.
const COLUMNS = 3;
async function seen(job) {
  try {
    const sheet = await get(`/pictures/${job.pictures[0]}`);
    const { channels, dream } = sheet.recipe;
    const picture = el("div", { class: "seen" }, el("img", { src: at.thumb(sheet.id, 1600), alt: _("Where {layer} looks", { layer: dream.layer }), width: sheet.width, height: sheet.height }),
      el("div", { class: "spots" }, channels.map((n) => el("button", { type: "button", "aria-label": _("Dream with channel {n} of {layer}", { n, layer: dream.layer }), title: _("Dream with channel {n} of {layer}", { n, layer: dream.layer }), onclick: () => begin({ model: dream.model, objective: `channel(${objectiveText(dream.layer)}, ${n})` }) }))));
    picture.style.setProperty("--columns", Math.min(COLUMNS, channels.length));
    $("seen").replaceChildren(picture, el("p", { class: "soft" }, _("Choose one of them, and it becomes the look.")));
  } catch (error) { told(error); }
}

function well() {
  const words = _("Drop a picture here, or choose one.");
  const input = el("input", { type: "file", accept: "image/*", "aria-label": words, onchange: () => { if (input.files[0]) look({ file: input.files[0] }); } });
  $("well").replaceChildren(...[source ? el("img", { src: at.small(source), alt: "" }) : null, el("span", {}, words), input].filter(Boolean));
}

async function look({ file, own }) {
  try {
    source = own ? (own.upload ? { upload: own.upload } : { picture: own.picture }) : { upload: (await upload(file, file.name)).id };
    well();
    following.job = await post(`/networks/${encodeURIComponent(network.name)}/see`, { picture: source, layer: layer?.name });
    following.heard(following.job);
    following.refresh();
  } catch (error) { told(error); $("seen").replaceChildren(el("p", { class: "wrong" }, error.message)); }
}

$("more-channels").addEventListener("click", more);
$("class-text").addEventListener("input", classes);
$("dream-layer").addEventListener("click", () => layer && begin({ layer: layer.name }));
takeDrops(document.body, look, { paste: true });
well();
header();
try {
  const answer = await get("/networks");
  networks = (answer.networks ?? answer).filter((each) => each.here !== false);
  $("model").replaceChildren(...networks.map((each) => el("option", { value: each.name }, titleOf(each))));
  $("model").value = networks.some((each) => each.name === chosen.model) ? chosen.model : networks[0]?.name;
  $("model").addEventListener("change", () => show($("model").value));
  if (networks.length) await show($("model").value);
} catch (error) { told(error); }
happenings.begin();
