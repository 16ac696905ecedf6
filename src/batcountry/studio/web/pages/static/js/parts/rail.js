// How to dream: looks, sliders in words, guide, mask, something by name, network, size, and everything else.
import { _, ngettext, number } from "../studio/words.js";
import { $, button, debounced, el, titleOf, told } from "../studio/dom.js";
import { at, get, query } from "../studio/api.js";
import { on } from "../studio/events.js";
import { takeDrops } from "./drop.js";
import { fields, settingsCount, showLooks } from "./form.js";
import { formOf, objectiveText, PATTERNS, SHOWN, SIZES, STRENGTHS, STUDIOS } from "../studio/recipe.js";

const isPreset = (look) => !!look && !look.recipe.layer && !look.recipe.objective;

export class Rail {
  constructor(state, { changed, guide, mask, paint }) {
    Object.assign(this, { state, changed, takeGuide: guide, takeMask: mask, paint });
    this.looks = [];
    this.networks = [];
    this.schema = null;
    this.inside = new Map();
    on("network", (detail) => { if (this.inside.get(detail.network)) this.#pictured(detail.network); });
    this.#slider("strength", () => STRENGTHS.indexOf(this.form.strength), (n) => { this.form.strength = STRENGTHS[n]; }, () => _(this.form.strength));
    this.#slider("patterns", () => this.form.patterns, (n) => { this.form.patterns = n; }, () => _(PATTERNS[this.form.patterns].word));
    for (const [fold, take] of [["fold-guide", this.takeGuide], ["fold-mask", this.takeMask]]) takeDrops($(fold), (given) => { $(fold).open = true; take(given); });
    this.refresh();
  }

  get form() { return this.state.form; }

  /** Ask the studio for looks, networks and the recipe's schema; says whether another page handed a recipe over. */
  async load() {
    const ask = async (path, set) => { try { set(await get(path)); } catch { /* said by the line at the top */ } };
    await Promise.all([
      ask("/looks", (answer) => { this.looks = answer.looks ?? answer; }),
      ask("/networks", (answer) => { this.networks = answer.networks ?? answer; }),
      ask("/recipe", (answer) => { this.schema = answer; }),
    ]);
    const waiting = JSON.parse(localStorage.getItem("recipe") ?? "null");
    if (waiting) { localStorage.removeItem("recipe"); Object.assign(this.form, formOf(waiting, this.looks, this.schema)); }
    if (!this.form.look && !this.form.layer && !this.form.thing && this.looks.length) this.form.look = (this.looks.find((look) => look.default) ?? this.looks[0]).name;
    this.refresh();
    return !!waiting;
  }

  title() {
    const look = this.looks.find((each) => each.name === this.form.look);
    const layer = this.form.layer || (this.#other && !isPreset(look) ? this.#details()?.default_layer : "");
    return (this.form.thing?.title ?? (layer || look?.title || "Dream")).slice(0, 100);
  }

  #slider(id, read, write, word) {
    const input = $(id);
    const draw = () => { $(`${id}-word`).textContent = word(); input.setAttribute("aria-valuetext", word()); };
    input.addEventListener("input", () => { write(Number(input.value)); draw(); this.changed(); });
    (this.sliders ??= []).push(() => { input.value = read(); draw(); });
  }

  refresh() {
    for (const draw of this.sliders ?? []) draw();
    if (this.looks.length) this.#looks();
    this.#well("guide", this.form.guide, _("none"), _("Drop a picture here or choose one: the dream takes on its features."), this.takeGuide);
    this.#maskFold();
    this.#thing();
    this.#network();
    this.#size();
    this.#rest();
  }

  // Whether another network than ours dreams, whose layers are its looks.
  get #other() { return !!this.form.model && this.form.model !== this.schema?.properties.model.default; }

  #shownLooks() {
    if (!this.#other) return this.looks;
    const layers = (this.#details()?.layers ?? []).filter((each) => each.recommended);
    return [...layers.map((each) => ({ name: `layer ${each.name}`, title: each.name, layer: each.name, picture: each.picture })), ...this.looks.filter(isPreset)];
  }

  #looks() {
    const looks = this.#shownLooks();
    const shown = JSON.stringify([this.form.model, looks.map((look) => [look.name, look.picture])]);
    if (this.shownLooks !== shown) {
      this.shownLooks = shown;
      const focused = $("looks").contains(document.activeElement);
      showLooks($("looks"), looks, this.form.look, (name) => {
        const layer = looks.find((each) => each.name === name)?.layer ?? "";
        Object.assign(this.form, { look: layer ? this.looks[0].name : name, layer, thing: null });
        this.refresh();
        this.changed();
      });
      if (this.#other && !this.#details()) $("looks").prepend(el("p", { class: "soft", role: "status" }, _("Looking into the network …")));
      if (focused) $("looks").querySelector("input")?.focus();
    }
    const layer = this.form.layer || (isPreset(this.looks.find((each) => each.name === this.form.look)) ? "" : this.#details()?.default_layer);
    const name = this.#other && layer ? `layer ${layer}` : this.form.layer ? "" : this.form.look;
    for (const input of $("looks").querySelectorAll("input")) input.checked = input.value === name && !this.form.thing;
  }

  #well(field, source, none, words, take) {
    const place = $(field);
    $(`${field}-word`).textContent = source ? _("chosen") : none;
    const input = el("input", { type: "file", accept: "image/*", "aria-label": words, onchange: () => { if (input.files[0]) take({ file: input.files[0] }); } });
    const well = el("div", { class: "well" }, source ? el("img", { src: at.small(source), alt: "" }) : null, el("span", {}, words), input);
    place.replaceChildren(well);
    if (source) place.append(el("div", { class: "row" }, button(_("Take it away"), () => { this.form[field] = null; this.refresh(); this.changed(); }, { class: "small" })));
  }

  #maskFold() {
    this.#well("mask", this.form.mask, _("paint a mask"), _("Paint on the picture, or drop a mask here: it dreams where it is white."), this.takeMask);
    $("mask").prepend(el("div", { class: "row" }, button(this.form.mask ? _("Paint anew") : _("Paint on the picture"), () => this.paint(), { class: "small" })));
    $("mask").querySelector(".well").style.marginTop = "10px";
  }

  get network() { return this.networks.find((each) => each.name === (this.form.model || this.schema?.properties.model.default)); }

  #thing() {
    const count = this.network?.classes;
    $("thing-word").textContent = this.form.thing?.title ?? (count ? ngettext("search {n} things", "search {n} things", count) : _("by its name"));
    const place = $("thing");
    if (place.contains(document.activeElement)) return;
    const list = el("ul", { class: "plain results" });
    const search = debounced(180, async () => {
      const name = this.network?.name ?? "efficientnet-lite0";
      try {
        const answer = await get(`/networks/${encodeURIComponent(name)}/classes${query({ search: input.value.trim() })}`);
        const names = (answer.classes ?? answer).slice(0, 40).map((each) => (typeof each === "string" ? each : each.name));
        list.replaceChildren(...(names.length ? names.map((each) => el("li", {}, el("button", { type: "button", onclick: () => this.#dreamOf(each) }, each))) : [el("li", { class: "soft" }, _("It knows nothing of that name."))]));
      } catch (error) { told(error); }
    });
    const input = el("input", { type: "search", placeholder: _("lion, teapot, castle …"), "aria-label": _("Search what it knows"), oninput: search, onfocus: () => { if (!list.children.length) search(); } });
    place.replaceChildren(input, list);
    if (this.form.thing) place.prepend(el("div", { class: "row" }, el("span", {}, this.form.thing.title), el("span", { class: "push" }), button(_("Take it away"), () => { this.form.thing = null; this.refresh(); this.changed(); }, { class: "small" })));
  }

  #dreamOf(name) {
    Object.assign(this.form, { thing: { title: name, objective: `logit(${objectiveText(name)})` }, layer: "" });
    document.activeElement.blur();
    this.refresh();
    this.changed();
  }

  #network() {
    const usual = this.schema?.properties.model.default ?? "";
    const name = this.form.model || usual;
    $("network-word").textContent = [this.network ? titleOf(this.network) : name, this.form.layer].filter(Boolean).join(" · ");
    const model = el("select", { id: "model", onchange: () => { Object.assign(this.form, { model: model.value === usual ? "" : model.value, look: this.looks[0]?.name ?? "", layer: "", thing: null }); this.refresh(); this.changed(); } },
      this.networks.map((each) => el("option", { value: each.name, selected: each.name === name, disabled: each.ready === false || each.here === false }, titleOf(each))));
    const layer = el("select", { id: "layer", onchange: () => { Object.assign(this.form, { layer: layer.value, thing: null }); this.refresh(); this.changed(); } }, el("option", { value: "" }, _("as the look says")));
    const focused = $("network").contains(document.activeElement) && document.activeElement.id;
    $("network").replaceChildren(el("label", { class: "field" }, el("span", {}, _("Network")), model), el("label", { class: "field" }, el("span", {}, _("Layer")), layer),
      el("div", { class: "row" }, el("a", { class: "button small", href: "/see" }, _("See what its layers like"))));
    if (["model", "layer"].includes(focused)) $(focused).focus();
    layer.append(...(this.#details(name)?.layers ?? []).map((each) => el("option", { value: each.name, selected: each.name === this.form.layer }, each.name)));
  }

  /** What is in a network, if that is known by now; it is asked for, and shown when it is. */
  #details(name = this.form.model || this.schema?.properties.model.default) {
    if (!this.networks.length || !name) return null;
    if (!this.inside.has(name)) {
      this.inside.set(name, null);
      get(`/networks/${encodeURIComponent(name)}`).then((answer) => { this.inside.set(name, answer); this.refresh(); }).catch(() => this.inside.delete(name));
    }
    return this.inside.get(name);
  }

  // Pictures of layers come one after the other while nobody dreams.
  #pictured = debounced(400, async (name) => {
    const found = await get(`/networks/${encodeURIComponent(name)}`).catch(() => null);
    if (found) { this.inside.set(name, found); this.#looks(); }
  });

  #size() {
    const chosen = this.form.size;
    $("size-word").textContent = chosen ? _("{n} pixels", { n: number(chosen, { useGrouping: false }) }) : _("as the picture is");
    const known = SIZES.some(([side]) => side === chosen);
    const select = el("select", { onchange: () => { this.form.size = Number(select.value); this.refresh(); this.changed(); } },
      SIZES.map(([side, word]) => el("option", { value: side, selected: side === chosen }, side ? `${_(word)} · ${side}` : _(word))), known ? null : el("option", { value: chosen, selected: true }, String(chosen)));
    const large = el("a", { class: "button small", href: this.state.result ? `/huge?picture=${this.state.result}` : "/huge" }, _("For paper: A4 to a wall"));
    $("size").replaceChildren(el("label", { class: "field" }, el("span", {}, _("Longer side, in pixels")), select, el("small", {}, _("A larger one takes longer."))), el("div", { class: "row" }, large));
  }

  #rest() {
    if (!this.schema || $("rest").contains(document.activeElement)) return;
    const draw = (count) => { $("rest-word").textContent = settingsCount(count, Object.keys(this.form.rest).length); };
    const count = fields($("rest"), this.schema, { leave: [...SHOWN, ...STUDIOS], values: this.form.rest, changed: () => { draw(count); this.changed(); } });
    draw(count);
    $("rest").onsubmit = (event) => event.preventDefault();
    $("rest").append(el("div", { class: "row" }, button(_("As it was"), () => { this.form.rest = {}; this.refresh(); this.changed(); }, { class: "small" })));
  }
}
