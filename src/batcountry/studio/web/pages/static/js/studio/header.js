// The dot at the top: whether the studio is there, and on what it dreams.
import { $, el } from "./dom.js";
import { get } from "./api.js";
import { _, bytes } from "./words.js";
import { happenings } from "./events.js";

export async function header() {
  const dot = document.querySelector("#health .dot");
  const draw = (good) => { dot.classList.toggle("good", good); dot.classList.toggle("bad", !good); };
  happenings.addEventListener("reach", (event) => draw(event.detail));
  try {
    const settings = await get("/settings");
    draw(true);
    const text = [settings.devices?.filter((each) => each !== "auto").join(", "), settings.memory_total ? _("{used} of {all}", { used: bytes(settings.memory_total - settings.memory_free), all: bytes(settings.memory_total) }) : ""].filter(Boolean).join(" · ");
    if (text) $("health").lastElementChild.replaceChildren(el("span", { class: "machine" }, `${text} · `), _("Settings"));
  } catch { draw(false); }
}
