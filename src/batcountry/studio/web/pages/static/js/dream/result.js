// What can be done with a result, and with the log of a job.
import { _ } from "../studio/words.js";
import { $, button, copy, el, menu, save, told } from "../studio/dom.js";
import { at, get, patch } from "../studio/api.js";
import { draggable } from "../parts/drop.js";
import { state } from "./state.js";

const recipeText = async (id) => JSON.stringify(await get(`/pictures/${id}/recipe`), null, 2);

/** The menu of ways to keep a result; `deleted` is what deletes it. */
export const saveMenu = (id, deleted) => menu(_("Save"), [
  [_("PNG with the recipe"), at.download(id, "png")], [_("JPEG"), at.download(id, "jpeg")],
  [_("Print size …"), `/huge?picture=${id}`], [_("Recipe as a file"), async () => save("recipe.json", await recipeText(id))],
  [_("Copy the recipe"), async () => copy(await recipeText(id), _("The recipe is copied."))], [_("Fly into it …"), `/motion?picture=${id}`],
  [_("Delete"), deleted],
]);

/** A button that makes a result a favorite, or not. */
export function favorite(id) {
  const pressed = (value) => heart.setAttribute("aria-pressed", String(value));
  const heart = button(_("Favorite"), async () => {
    const now = heart.getAttribute("aria-pressed") !== "true";
    try { pressed((await patch(`/pictures/${id}`, { favorite: now })).favorite); } catch (error) { told(error); }
  }, { "aria-pressed": "false" });
  get(`/pictures/${id}`).then((picture) => pressed(picture.favorite)).catch(() => {});
  return heart;
}

/** Show what a job said. */
export async function showLog(job) {
  let text = "";
  try { text = (await get(`/jobs/${job.id}/log`)).log; } catch (error) { text = error.message; }
  const dialog = el("dialog", { "aria-label": _("Log"), onclose: () => dialog.remove() }, el("pre", { tabindex: "0" }, text || _("There is no log.")), el("p", { class: "row" }, el("span", { class: "push" }), button(_("Close"), () => dialog.close())));
  document.body.append(dialog);
  dialog.showModal();
}

/** Show the results so far; `choose` hears which one is pressed. */
export function showStrip(choose) {
  $("strip").replaceChildren(...state.strip.map((entry, n) => {
    const image = el("img", { src: at.thumb(entry.result), alt: _("Result {n}", { n: state.strip.length - n }), loading: "lazy", onerror: () => item.remove() });
    const chooser = el("button", { type: "button", "aria-current": String(entry.result === state.result), onclick: () => choose(entry) }, image);
    const item = el("li", {}, chooser);
    draggable(chooser, { picture: entry.result }, entry.made ?? {});
    return item;
  }));
}
