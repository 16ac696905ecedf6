// Making elements, and small things that all pages need.
import { _ } from "./words.js";

export const $ = (id) => document.getElementById(id);

/** Make an element: attributes by name, `on…` for what happens, texts and elements as children. Texts are never markup. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

export const button = (label, onclick, attributes = {}) => el("button", { type: "button", onclick, ...attributes, class: `button ${attributes.class ?? ""}` }, label);

/** Say something for a while, with one thing to do about it. */
export function toast(sentence, action, act, seconds = 8) {
  const place = $("toasts");
  const box = el("div", { class: "toast" }, el("span", {}, sentence));
  const gone = () => box.remove();
  if (action) box.append(el("button", { type: "button", onclick: () => { gone(); act(); } }, action));
  place.append(box);
  while (place.children.length > 3) place.firstChild.remove();
  setTimeout(gone, seconds * 1000);
  return gone;
}

/** Show that something went wrong, in the sentence that the server gave. */
export const told = (error) => { if (error?.name !== "AbortError") toast(error?.message || String(error)); };

export function debounced(wait, act) {
  let timer = 0;
  const later = (...values) => { clearTimeout(timer); timer = setTimeout(() => act(...values), wait); };
  later.cancel = () => clearTimeout(timer);
  return later;
}

/** Put a picture at an address in the place of `image` when it is decoded, so that nothing flickers. */
export async function swap(image, address) {
  image.dataset.wanted = address;
  if (image.getAttribute("src") === address) return image;
  const next = new Image();
  next.src = address;
  try { await next.decode(); } catch { return image; }
  if (image.dataset.wanted === address) image.src = address;
  return image;
}

export const kept = {
  read(name, otherwise) { try { return JSON.parse(localStorage.getItem(name)) ?? otherwise; } catch { return otherwise; } },
  write(name, value) { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* private windows have no store */ } },
};

export const typing = (target) => target instanceof Element && !!target.closest("input:not([type=radio], [type=checkbox], [type=file], [type=range]), textarea, select, [contenteditable]");

/** A button that opens a small menu; entries are [label, address or function]. */
export function menu(label, entries, attributes = {}) {
  const list = el("div", { hidden: true });
  const box = el("div", { class: "menu" });
  const opener = button(label, () => show(list.hidden), { "aria-haspopup": "true", "aria-expanded": "false", ...attributes });
  const show = (open) => {
    list.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (open) list.firstElementChild?.focus();
  };
  for (const [text, act] of entries) {
    list.append(typeof act === "string"
      ? el("a", { href: act, ...(act.includes("download=1") ? { download: "" } : {}), onclick: () => show(false) }, text)
      : el("button", { type: "button", onclick: () => { show(false); act(); } }, text));
  }
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); show(false); opener.focus(); }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !list.hidden) {
      event.preventDefault();
      const all = [...list.children];
      all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
    }
  });
  box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget)) show(false); });
  box.append(opener, list);
  return box;
}

/** A network's name for people: its title up to the first comma. */
export const titleOf = (network) => (network.title ?? network.name).split(",")[0];

export async function copy(text, said = _("Copied.")) {
  try { await navigator.clipboard.writeText(text); toast(said); } catch { toast(_("The browser does not let this page copy.")); }
}

/** Ask the file of an address's picture to be saved. */
export function save(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
