// What a network is made of: its layers, what their channels like, what it knows by name, and what it sees in a picture.
import { _, ngettext, number } from "./studio/words.js";
import { $, debounced, el, kept, titleOf, told } from "./studio/dom.js";
import { at, get, post, query, upload } from "./studio/api.js";
import { happenings } from "./studio/events.js";
import { takeDrops } from "./parts/drop.js";
import { objectiveText } from "./studio/recipe.js";
import { dreamWith } from "./studio/recipes_of.js";
import { ACTIVE, Following } from "./studio/running.js";
import { header } from "./studio/header.js";

const PAGE = 60;
let networks = [], network = null, layer = null, shown = 0, source = null;
const chosen = kept.read("see", {});
const keep = () => kept.write("see", { model: network?.name, layer: layer?.name });
const base = () => ({ model: network.name, ...(kept.read("dream", {}).form?.strength ? { strength: kept.read("dream", {}).form.strength } : {}), size: 1024 });
const begin = (recipe) => dreamWith({ ...base(), ...recipe }, null);

async function show(name) {
  $("layers").replaceChildren(el("li", { class: "soft" }, _("Looking into the network …")));
  try { network = await get(`/networks/${encodeURIComponent(name)}`); } catch (error) { told(error); $("layers").replaceChildren(el("li", { class: "soft" }, error.message)); return; }
  const layers = network.layers.map((each) => (typeof each === "string" ? { name: each } : each));
  $("layers").replaceChildren(...layers.map((each) => el("li", {}, el("button", { type: "button", "data-layer": each.name, onclick: () => { choose(each); if (matchMedia("(max-width: 820px)").matches) $("sheet-title").focus(); } }, each.name, each.channels ? el("span", {}, number(each.channels)) : null))));
  choose(layers.find((each) => each.name === (chosen.model === name ? chosen.layer : network.default_layer)) ?? layers.find((each) => each.name === network.default_layer) ?? layers.at(-1));
  classes();
}

function choose(each) {
  layer = each;
  keep();
  for (const item of $("layers").querySelectorAll("button")) item.setAttribute("aria-current", String(item.dataset.layer === each.name));
  const current = $("layers").querySelector("[aria-current=true]");
  if (current) { const list = $("layers"); const box = current.getBoundingClientRect(), outer = list.getBoundingClientRect(); if (box.top < outer.top || box.bottom > outer.bottom) list.scrollTop += box.top - outer.top - 60; if (box.left < outer.left || box.right > outer.right) list.scrollLeft += box.left - outer.left - 60; }
  $("sheet-title").textContent = each.channels ? `${each.name} · ${ngettext("{n} channel", "{n} channels", each.channels)}` : each.name;
  $("channels").replaceChildren();
  $("draw").hidden = true;
  shown = 0;
  more();
}

function more() {
  const to = Math.min(layer.channels ?? 0, shown + PAGE);
  for (; shown < to; shown += 1) {
    const n = shown;
    const image = el("img", { src: at.channel(network.name, layer.name, n), alt: "", loading: "lazy", onload: () => { image.hidden = false; }, onerror: () => { image.hidden = true; undrawn(); } });
    $("channels").append(el("li", {}, el("button", { type: "button", "aria-label": _("channel {n} of {layer}", { n, layer: layer.name }), onclick: () => begin({ objective: `channel(${objectiveText(layer.name)}, ${n})` }) }, image, el("span", {}, String(n)))));
  }
  $("more-channels").hidden = shown >= (layer.channels ?? 0);
}

// ---- Channels that nobody has drawn yet

const undrawn = debounced(200, () => { $("draw").hidden = drawing.job != null && ACTIVE.includes(drawing.job.state); });
const missing = () => [...$("channels").querySelectorAll("img[hidden]")];
const again = debounced(900, () => { for (const image of missing()) image.src = `${image.src.split("?")[0]}?n=${Date.now()}`; });
const drawing = new Following((job) => {
  $("drawing").textContent = job && ACTIVE.includes(job.state) ? drawing.sentence() : job && ["failed", "set_aside"].includes(job.state) ? drawing.sentence() : "";
  $("draw").hidden = !missing().length || ACTIVE.includes(job?.state);
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
  if (job.state === "done") place.replaceChildren(...job.pictures.map((id) => el("a", { href: `/gallery?picture=${id}` }, el("img", { src: at.thumb(id, 960), alt: _("Where {layer} looks", { layer: layer.name }) }))));
  else place.replaceChildren(el("p", { class: "soft", role: "status" }, following.sentence()));
});

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
