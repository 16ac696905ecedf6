// A curve over the time of a film, as keyframes on a line: press to add one, drag or use the arrows, Delete takes it away.
import { _, number } from "../studio/words.js";
import { el } from "../studio/dom.js";

const RANGES = { zoom: [1, 1.12], rotate: [-5, 5], pan_x: [-3, 3], pan_y: [-3, 3], opacity: [0, 1] };
const SVG = "http://www.w3.org/2000/svg";

/** The keys of a curve's text, "0s: 1.02, 4s: 1.1 smooth" or "1.02": [{at, value, easing}], at in seconds. */
export function keysOf(text, fps = 25) {
  const plain = Number(text);
  if (!String(text).includes(":")) return isFinite(plain) ? [{ at: 0, value: plain, easing: "" }] : [];
  return String(text).split(",").map((part) => {
    const found = /^\s*([\d.]+)\s*(s?)\s*:\s*(-?[\d.]+)\s*(linear|smooth|hold)?\s*$/.exec(part);
    return found && { at: Number(found[1]) / (found[2] ? 1 : fps), value: Number(found[3]), easing: found[4] ?? "" };
  }).filter(Boolean);
}

export const textOf = (keys) => (keys.length === 1 ? String(keys[0].value) : [...keys].sort((one, two) => one.at - two.at).map((key) => `${+key.at.toFixed(2)}s: ${key.value}${key.easing && key.easing !== "linear" ? ` ${key.easing}` : ""}`).join(", "));

export class CurveLine {
  constructor(place, changed) {
    Object.assign(this, { place, changed, name: "zoom", title: "", keys: [], seconds: 10 });
    this.line = document.createElementNS(SVG, "polyline");
    const picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("viewBox", "0 0 100 100");
    picture.setAttribute("preserveAspectRatio", "none");
    picture.setAttribute("aria-hidden", "true");
    picture.append(this.line);
    this.track = el("div", { class: "track", role: "group" }, picture);
    this.ends = el("div", { class: "ends" });
    place.replaceChildren(this.track, this.ends);
    this.track.addEventListener("pointerdown", (event) => { if (event.target === this.track) this.#add(event); });
  }

  get range() {
    const [low, high] = RANGES[this.name] ?? [0, 1];
    const values = this.keys.map((key) => key.value);
    return [Math.min(low, ...values), Math.max(high, ...values)];
  }

  show(name, title, text, seconds) {
    Object.assign(this, { name, title, seconds, keys: keysOf(text) });
    this.track.setAttribute("aria-label", _("{what} along the film: keyframes", { what: title }));
    this.draw();
  }

  #point(event) {
    const box = this.track.getBoundingClientRect();
    const [low, high] = this.range;
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const up = 1 - Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
    return { at: +(share * this.seconds).toFixed(2), value: +(low + up * (high - low)).toPrecision(4) };
  }

  #add(event) {
    const key = { ...this.#point(event), easing: "smooth" };
    if (this.keys.length === 1 && this.keys[0].at === 0 && key.at < 0.02 * this.seconds) this.keys = [];
    this.keys.push(key);
    this.draw();
    this.changed(this.name, textOf(this.keys));
  }

  draw() {
    const [low, high] = this.range;
    const x = (at) => Math.min(100, (at / this.seconds) * 100);
    const y = (value) => 100 - ((value - low) / (high - low || 1)) * 100;
    const sorted = [...this.keys].sort((one, two) => one.at - two.at);
    const points = [];
    if (sorted.length) {
      points.push([0, y(sorted[0].value)]);
      sorted.forEach((key, n) => {
        const before = sorted[n - 1];
        if (before && key.easing === "hold") points.push([x(key.at), y(before.value)]);
        if (before && key.easing === "smooth") for (let t = 0.1; t < 1; t += 0.1) { const s = t * t * (3 - 2 * t); points.push([x(before.at + (key.at - before.at) * t), y(before.value + (key.value - before.value) * s)]); }
        points.push([x(key.at), y(key.value)]);
      });
      points.push([100, y(sorted.at(-1).value)]);
    }
    this.line.setAttribute("points", points.map((point) => point.join(",")).join(" "));
    for (const old of this.track.querySelectorAll(".key")) old.remove();
    for (const key of this.keys) this.track.append(this.#handle(key, x(key.at), y(key.value)));
    this.ends.replaceChildren(el("span", {}, _("{n} s", { n: 0 })), el("span", {}, _("press on the line to add a keyframe")), el("span", {}, _("{n} s", { n: number(this.seconds) })));
  }

  #handle(key, x, y) {
    const words = () => _("{what} {value} at {n} s", { what: this.title, value: number(key.value, { maximumFractionDigits: 3 }), n: number(key.at, { maximumFractionDigits: 1 }) });
    const handle = el("button", { type: "button", class: "key", "aria-label": words(), title: words() });
    handle.style.left = `${x}%`;
    handle.style.top = `${y}%`;
    const told = () => { this.draw(); this.changed(this.name, textOf(this.keys)); };
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      const range = this.range;
      const move = (moved) => { Object.assign(key, this.#point(moved)); handle.style.left = `${(key.at / this.seconds) * 100}%`; handle.style.top = `${100 - ((key.value - range[0]) / (range[1] - range[0] || 1)) * 100}%`; };
      document.addEventListener("pointermove", move);
      const end = () => { document.removeEventListener("pointermove", move); told(); };
      document.addEventListener("pointerup", end, { once: true });
    });
    handle.addEventListener("keydown", (event) => {
      const [low, high] = this.range;
      const steps = { ArrowLeft: [-this.seconds / 50, 0], ArrowRight: [this.seconds / 50, 0], ArrowUp: [0, (high - low) / 50], ArrowDown: [0, (low - high) / 50] }[event.key];
      if (steps) { key.at = Math.min(this.seconds, Math.max(0, +(key.at + steps[0]).toFixed(2))); key.value = +(key.value + steps[1]).toPrecision(4); }
      else if (["Delete", "Backspace"].includes(event.key) && this.keys.length > 1) this.keys.splice(this.keys.indexOf(key), 1);
      else return;
      event.preventDefault();
      const place = this.keys.indexOf(key);
      told();
      this.track.querySelectorAll(".key")[Math.max(0, place)]?.focus();
    });
    handle.addEventListener("dblclick", () => { if (this.keys.length > 1) { this.keys.splice(this.keys.indexOf(key), 1); told(); } });
    return handle;
  }
}
