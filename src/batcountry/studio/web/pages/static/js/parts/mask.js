// A mask painted over the picture with mouse or finger: the dream grows where it is painted.
import { _ } from "../studio/words.js";
import { button, el } from "../studio/dom.js";

const MOST = 1024;

export class Painter {
  constructor(frame, bar, { width, height, done, leave }) {
    const scale = Math.min(1, MOST / Math.max(width, height));
    this.canvas = el("canvas", { class: "brush", width: Math.round(width * scale), height: Math.round(height * scale), "aria-label": _("Paint where the dream is to grow") });
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.color = getComputedStyle(document.documentElement).getPropertyValue("--accent") && getComputedStyle(frame.ownerDocument.querySelector(".button.main") ?? frame).backgroundColor;
    this.color = /rgba?\(0, 0, 0, 0\)|^$/.test(this.color) ? "#ff9a4d" : this.color;
    this.past = [];
    this.erasing = false;
    this.frame = frame;
    this.bar = bar;
    this.leave = leave;
    this.done = done;
    frame.append(this.canvas);
    this.#controls();
    this.#pointer();
    this.keys = (event) => {
      if (event.key === "Escape") { event.preventDefault(); this.close(); }
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") { event.preventDefault(); event.stopImmediatePropagation(); this.undo(); }
    };
    document.addEventListener("keydown", this.keys, true);
  }

  #controls() {
    const size = el("input", { type: "range", min: "2", max: "40", value: "12", "aria-label": _("Size of the brush") });
    this.size = size;
    const erase = button(_("Erase"), () => { this.erasing = !this.erasing; erase.setAttribute("aria-pressed", String(this.erasing)); }, { "aria-pressed": "false" });
    this.bar.replaceChildren(
      el("label", { class: "slider" }, _("Size of the brush"), " ", size), erase,
      button(_("Back"), () => this.undo()), button(_("All"), () => this.fill()), button(_("Leave"), () => this.close()),
      button(_("Dream there"), () => this.#finish(), { class: "main" }));
    this.bar.hidden = false;
  }

  #remember() {
    this.past.push(this.context.getImageData(0, 0, this.canvas.width, this.canvas.height));
    if (this.past.length > 12) this.past.shift();
  }

  #pointer() {
    let last = null;
    const point = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * this.canvas.width, ((event.clientY - box.top) / box.height) * this.canvas.height];
    };
    const stroke = (event) => {
      if (!last) return;
      for (const each of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
        const to = point(each);
        this.line(last, to);
        last = to;
      }
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.canvas.setPointerCapture(event.pointerId);
      this.#remember();
      last = point(event);
      this.line(last, last);
    });
    this.canvas.addEventListener("pointermove", stroke);
    for (const kind of ["pointerup", "pointercancel"]) this.canvas.addEventListener(kind, () => { last = null; });
  }

  line(from, to) {
    const context = this.context;
    context.globalCompositeOperation = this.erasing ? "destination-out" : "source-over";
    context.strokeStyle = this.color;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.lineWidth = (Number(this.size.value) / 100) * Math.max(this.canvas.width, this.canvas.height);
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 0.01, to[1]);
    context.stroke();
    this.painted = true;
  }

  fill() {
    this.#remember();
    this.context.globalCompositeOperation = "source-over";
    this.context.fillStyle = this.color;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.painted = true;
  }

  undo() { const before = this.past.pop(); if (before) this.context.putImageData(before, 0, 0); this.painted = this.past.length > 0; }

  // White where it is painted, black elsewhere, with an edge a little soft.
  #finish() {
    if (!this.painted) { this.close(); return; }
    const { width, height } = this.canvas;
    const out = el("canvas", { width, height });
    const context = out.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const white = el("canvas", { width, height });
    const ink = white.getContext("2d");
    ink.drawImage(this.canvas, 0, 0);
    ink.globalCompositeOperation = "source-in";
    ink.fillStyle = "#fff";
    ink.fillRect(0, 0, width, height);
    context.filter = `blur(${Math.max(1, Math.max(width, height) / 160)}px)`;
    context.drawImage(white, 0, 0);
    out.toBlob((blob) => { this.done(blob); this.close(); }, "image/png");
  }

  close() {
    document.removeEventListener("keydown", this.keys, true);
    this.canvas.remove();
    this.bar.replaceChildren();
    this.bar.hidden = true;
    this.leave?.();
  }
}
