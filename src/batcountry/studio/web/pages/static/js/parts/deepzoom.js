// A picture in pieces (Deep Zoom), to look at as closely as it goes: wheel, two fingers, drag, and keys.
import { _ } from "../studio/words.js";
import { el } from "../studio/dom.js";

export class DeepZoom {
  constructor(frame, base) {
    Object.assign(this, { frame, base, x: 0, y: 0, scale: 1, tiles: new Map(), fingers: new Map() });
    this.layer = el("div", { class: "layer" });
    frame.replaceChildren(this.layer);
    frame.tabIndex = 0;
    frame.setAttribute("role", "application");
    frame.setAttribute("aria-label", _("The picture, to look at closely: plus and minus, arrows"));
    this.#listen();
  }

  async open() {
    const text = await (await fetch(`${this.base}/picture.dzi`)).text();
    const table = new DOMParser().parseFromString(text, "application/xml").documentElement;
    const size = table.getElementsByTagName("Size")[0] ?? table.getElementsByTagNameNS("*", "Size")[0];
    this.tile = Number(table.getAttribute("TileSize"));
    this.overlap = Number(table.getAttribute("Overlap"));
    this.format = table.getAttribute("Format");
    this.width = Number(size.getAttribute("Width"));
    this.height = Number(size.getAttribute("Height"));
    this.most = Math.ceil(Math.log2(Math.max(this.width, this.height)));
    this.whole();
    new ResizeObserver(() => this.draw()).observe(this.frame);
    return this;
  }

  get fit() { return Math.min(this.frame.clientWidth / this.width, this.frame.clientHeight / this.height); }

  whole() {
    this.scale = this.fit;
    this.x = (this.frame.clientWidth - this.width * this.scale) / 2;
    this.y = (this.frame.clientHeight - this.height * this.scale) / 2;
    this.draw();
  }

  zoom(by, x = this.frame.clientWidth / 2, y = this.frame.clientHeight / 2) {
    const scale = Math.min(4, Math.max(this.fit * 0.8, this.scale * by));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.draw();
  }

  #listen() {
    const frame = this.frame;
    frame.addEventListener("wheel", (event) => { event.preventDefault(); const box = frame.getBoundingClientRect(); this.zoom(2 ** (-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top); }, { passive: false });
    frame.addEventListener("pointerdown", (event) => { frame.setPointerCapture(event.pointerId); this.fingers.set(event.pointerId, event); });
    frame.addEventListener("pointermove", (event) => {
      const before = this.fingers.get(event.pointerId);
      if (!before) return;
      const others = [...this.fingers.values()].filter((each) => each.pointerId !== event.pointerId);
      this.fingers.set(event.pointerId, event);
      if (others.length) {
        const box = frame.getBoundingClientRect();
        const far = (one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY);
        this.zoom(far(event) / (far(before) || 1), (event.clientX + others[0].clientX) / 2 - box.left, (event.clientY + others[0].clientY) / 2 - box.top);
      } else { this.x += event.clientX - before.clientX; this.y += event.clientY - before.clientY; this.draw(); }
    });
    for (const kind of ["pointerup", "pointercancel"]) frame.addEventListener(kind, (event) => this.fingers.delete(event.pointerId));
    frame.addEventListener("dblclick", (event) => { const box = frame.getBoundingClientRect(); this.zoom(2, event.clientX - box.left, event.clientY - box.top); });
    frame.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
      if (move) { this.x += move[0]; this.y += move[1]; this.draw(); }
      else if (["+", "="].includes(event.key)) this.zoom(1.5);
      else if (event.key === "-") this.zoom(1 / 1.5);
      else if (event.key === "0") this.whole();
      else return;
      event.preventDefault();
    });
  }

  draw() {
    if (!this.width) return;
    this.layer.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    const level = Math.max(0, Math.min(this.most, this.most + Math.ceil(Math.log2(this.scale * devicePixelRatio))));
    const wanted = new Set();
    for (const each of new Set([Math.max(0, Math.min(8, level)), level])) this.#level(each, wanted);
    for (const [name, image] of this.tiles) if (!wanted.has(name) && (image.dataset.level !== String(level) || this.tiles.size > 200)) { image.remove(); this.tiles.delete(name); }
  }

  #level(level, wanted) {
    const shrink = 2 ** (this.most - level);
    const side = this.tile * shrink;
    const left = Math.max(0, Math.floor(-this.x / this.scale / side));
    const top = Math.max(0, Math.floor(-this.y / this.scale / side));
    const right = Math.min(Math.ceil(this.width / side) - 1, Math.floor((this.frame.clientWidth - this.x) / this.scale / side));
    const bottom = Math.min(Math.ceil(this.height / side) - 1, Math.floor((this.frame.clientHeight - this.y) / this.scale / side));
    for (let column = left; column <= right; column += 1) {
      for (let row = top; row <= bottom; row += 1) {
        const name = `${level}/${column}_${row}`;
        wanted.add(name);
        if (this.tiles.has(name)) continue;
        const x = column * this.tile - (column ? this.overlap : 0), y = row * this.tile - (row ? this.overlap : 0);
        const image = el("img", { src: `${this.base}/${name}.${this.format}`, alt: "", draggable: false, "data-level": String(level) });
        image.style.transformOrigin = "0 0";
        image.style.transform = `translate(${x * shrink}px, ${y * shrink}px) scale(${shrink})`;
        image.style.zIndex = String(level);
        this.tiles.set(name, image);
        this.layer.append(image);
      }
    }
  }
}
