// A picture opened in place: divider, recipe as a sentence and as it is, what can be done with it, arrows to the next.
import { _, bytes, when } from "../studio/words.js";
import { button, copy, el, menu, told, toast, typing } from "../studio/dom.js";
import { at, get, patch, post, remove } from "../studio/api.js";
import { Compare } from "./compare.js";
import { sentenceOf } from "../studio/recipe.js";
import { dreamWith } from "../studio/recipes_of.js";

export class Viewer {
  constructor({ pictures, looks, gone, returned, change }) {
    Object.assign(this, { pictures, looks, gone, returned, change });
    this.frame = el("div", { class: "frame" });
    this.canvas = el("div", { class: "canvas" }, this.frame);
    this.about = el("div", { class: "about" });
    this.dialog = el("dialog", { class: "viewer", "aria-label": _("Picture"), onclose: () => this.#closed() }, this.canvas, this.about);
    document.body.append(this.dialog);
    this.dialog.addEventListener("keydown", (event) => this.#key(event));
    this.dialog.addEventListener("keyup", (event) => { if (event.key === " ") this.compare?.peek(false); });
    this.frame.addEventListener("dblclick", () => this.canvas.classList.toggle("actual"));
  }

  open(picture, opener = document.activeElement) {
    this.opener ??= opener;
    this.picture = picture;
    this.canvas.classList.remove("actual");
    history.replaceState(null, "", `?picture=${picture.id}`);
    if (picture.media === "film") this.#film(picture); else this.#still(picture);
    this.#describe(picture);
    if (!this.dialog.open) this.dialog.showModal();
    (this.compare && !this.compare.divider.hidden ? this.compare.divider : this.about.querySelector("button")).focus();
  }

  /** Two pictures with the divider between them. */
  compareTwo(one, two) {
    this.open(two);
    this.compare.showBefore(at.file(one.id));
    this.compare.apart();
  }

  #film(picture) {
    this.compare = null;
    this.frame.className = "frame";
    for (const element of [this.frame, this.canvas]) element.style.setProperty("--ratio", String(picture.width / picture.height || 1.78));
    this.frame.replaceChildren(el("video", { src: at.file(picture.id), controls: true, loop: true, playsinline: true, "aria-label": picture.name }));
  }

  #still(picture) {
    this.frame.classList.remove("apart");
    this.compare = new Compare(this.frame, 0);
    this.compare.ratio(picture.width || 1, picture.height || 1);
    this.compare.after.src = at.thumb(picture.id, 960);
    if (picture.media === "pyramid") { this.compare.split(false); return; }
    this.compare.showAfter(at.file(picture.id));
    this.compare.split(!!picture.source);
    if (picture.source) { this.compare.showBefore(at.source(picture.source)); this.compare.move(30); }
  }

  #describe(picture) {
    const { id, recipe } = picture;
    const favorite = button(_("Favorite"), async () => {
      try { Object.assign(picture, await patch(`/pictures/${id}`, { favorite: !picture.favorite })); } catch (error) { told(error); }
      favorite.setAttribute("aria-pressed", String(!!picture.favorite));
      this.change(picture);
    }, { "aria-pressed": String(!!picture.favorite) });
    const text = JSON.stringify(recipe, null, 2);
    const still = picture.media === "picture";
    this.about.replaceChildren(...[
      el("div", { class: "row" }, button(_("Close"), () => this.dialog.close()), button("←", () => this.#step(-1), { "aria-label": _("The one before") }), button("→", () => this.#step(1), { "aria-label": _("The next one") })),
      el("h2", {}, sentenceOf(recipe.dream ?? recipe, this.looks()) || picture.name),
      el("p", { class: "soft" }, [`${picture.width} × ${picture.height}`, bytes(picture.bytes), when(picture.created)].join(" · ")),
      still ? button(_("Dream on with it"), () => dreamWith(recipe, id), { class: "main" }) : picture.media === "pyramid" ? el("a", { class: "button main", href: `/huge?picture=${id}` }, _("Look at it closely")) : null,
      el("div", { class: "row" }, favorite, menu(_("Save"), still ? [[_("PNG with the recipe"), at.download(id, "png")], [_("JPEG"), at.download(id, "jpeg")]] : [[_("The file"), at.download(id)]]), button(_("Delete"), () => this.#delete(picture))),
      el("div", { class: "row" }, button(_("The same on another picture"), () => dreamWith(recipe)), ...(still ? [el("a", { class: "button", href: `/huge?picture=${id}` }, _("Print size …")), el("a", { class: "button", href: `/motion?picture=${id}` }, _("Fly into it …"))] : [])),
      el("details", {}, el("summary", {}, _("The whole recipe")), el("pre", { tabindex: "0" }, text), el("p", { class: "row" }, button(_("Copy the recipe"), () => copy(text, _("The recipe is copied.")), { class: "small" }))),
    ].filter(Boolean));
  }

  #key(event) {
    if (typing(event.target)) return;
    if (event.key === " " && this.compare && !event.target.closest("button, a, summary")) { event.preventDefault(); this.compare.peek(true); }
    if (event.target === this.compare?.divider) return;
    if (event.key === "ArrowLeft") this.#step(-1);
    if (event.key === "ArrowRight") this.#step(1);
  }

  #step(by) {
    const all = this.pictures();
    const next = all[all.findIndex((each) => each.id === this.picture.id) + by];
    if (next) this.open(next);
  }

  async #delete(picture) {
    const all = this.pictures();
    const place = all.indexOf(picture);
    try { await remove(`/pictures/${picture.id}`); } catch (error) { return told(error); }
    this.gone([picture.id]);
    const next = this.pictures()[Math.min(place, all.length - 1)];
    if (next) this.open(next); else this.dialog.close();
    this.dialog.close();
    toast(_("The picture is deleted."), _("Undo"), async () => { try { await post(`/pictures/${picture.id}/restore`); this.returned([picture]); } catch (error) { told(error); } }, 12);
  }

  #closed() {
    this.frame.replaceChildren();
    history.replaceState(null, "", location.pathname);
    if (this.opener?.isConnected) this.opener.focus();
    this.opener = null;
  }
}

export const byId = (id) => get(`/pictures/${id}`);
