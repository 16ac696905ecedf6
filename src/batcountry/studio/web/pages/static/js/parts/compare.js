// Before and after with a divider between them: by mouse, finger and keys. Pictures are decoded before they are shown.
import { _ } from "../studio/words.js";
import { el, swap, typing } from "../studio/dom.js";

export class Compare {
  constructor(frame, at = 38) {
    this.frame = frame;
    this.named = true;
    frame.classList.add("compare");
    this.after = el("img", { class: "after", alt: _("The dream"), draggable: false });
    this.before = el("img", { class: "before", alt: _("The picture before"), draggable: false });
    this.divider = el("div", { class: "divider", role: "slider", tabindex: "0", "aria-label": _("Before and after"), "aria-valuemin": "0", "aria-valuemax": "100", "aria-orientation": "horizontal" });
    this.tag = el("span", { class: "tag left" }, _("before"));
    frame.replaceChildren(this.after, this.before, this.divider, this.tag);
    this.move(at);
    this.#pointer();
    this.divider.addEventListener("keydown", (event) => this.key(event));
  }

  move(at) {
    this.at = Math.min(100, Math.max(0, at));
    this.frame.style.setProperty("--at", `${this.at}%`);
    this.divider.setAttribute("aria-valuenow", String(Math.round(this.at)));
    this.divider.setAttribute("aria-valuetext", _("{n} of 100 before", { n: Math.round(this.at) }));
    this.#name();
  }

  #name() { this.tag.hidden = !this.named || this.divider.hidden || this.at < 12; }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = event.shiftKey ? 10 : 2;
    const to = { ArrowLeft: this.at - step, ArrowRight: this.at + step, ArrowDown: this.at - step, ArrowUp: this.at + step, Home: 0, End: 100 }[event.key];
    if (to === undefined) return false;
    event.preventDefault();
    event.stopPropagation();
    this.move(to);
    return true;
  }

  #pointer() {
    const follow = (event) => {
      const box = this.frame.getBoundingClientRect();
      this.move(((event.clientX - box.left) / box.width) * 100);
    };
    this.frame.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.still) return;
      if (event.pointerType !== "mouse" && event.target !== this.divider) return this.#swipe(event, follow);
      this.frame.setPointerCapture(event.pointerId);
      follow(event);
      this.frame.addEventListener("pointermove", follow);
      const end = () => this.frame.removeEventListener("pointermove", follow);
      this.frame.addEventListener("pointerup", end, { once: true });
      this.frame.addEventListener("pointercancel", end, { once: true });
    });
  }

  // A finger that goes sideways moves the divider; one that goes up or down scrolls the page.
  #swipe(start, follow) {
    const moved = (event) => { if (Math.abs(event.clientX - start.clientX) > 6) follow(event); };
    this.frame.addEventListener("pointermove", moved);
    const end = () => this.frame.removeEventListener("pointermove", moved);
    this.frame.addEventListener("pointerup", end, { once: true });
    this.frame.addEventListener("pointercancel", end, { once: true });
  }

  ratio(width, height) {
    if (!(width > 0 && height > 0)) return;
    for (const element of [this.frame, this.frame.parentElement]) {
      element.style.setProperty("--ratio", String(width / height));
      element.style.setProperty("--w", String(width));
    }
  }

  showBefore(address) { return swap(this.before, address); }
  showAfter(address) { return swap(this.after, address); }

  /** Whether there is something to compare: without, the divider is away. */
  split(shown) { for (const part of [this.divider, this.before]) part.hidden = !shown; this.#name(); }

  /** Two pictures of which none came of the other: no word on them, and each at its own proportions. */
  apart() {
    this.named = false;
    this.frame.classList.add("apart");
    this.split(true);
    this.move(50);
  }

  peek(shown) { this.frame.classList.toggle("peek", shown); }
}

/** Keys that work wherever one is: arrows move the divider, holding space shows the picture before. */
export function compareKeys(compare, active = () => true) {
  const away = (event) => typing(event.target) || !active() || document.querySelector("dialog[open]:not(.viewer)")
    || (event.target instanceof Element && event.target.closest("button, a, summary, input, [role=slider], label, .strip, .masonry"));
  document.addEventListener("keydown", (event) => {
    if (away(event)) return;
    if (event.key === " ") { event.preventDefault(); compare.peek(true); } else if (["ArrowLeft", "ArrowRight"].includes(event.key)) compare.key(event);
  });
  document.addEventListener("keyup", (event) => { if (event.key === " ") compare.peek(false); });
  compare.divider.addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); compare.peek(true); } });
  addEventListener("blur", () => compare.peek(false));
}
