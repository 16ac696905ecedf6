// The words in the reader's language: English texts are the keys, as in the templates.
const root = document.documentElement;
let words = {};
if (root.dataset.lang !== "en") {
  try { words = await (await fetch(root.dataset.words, { credentials: "same-origin" })).json(); } catch { words = {}; }
}

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));

/** A text in the reader's language, with {name} replaced by values. */
export function _(text, values = {}) {
  const found = words[text] ?? text;
  return filled(Array.isArray(found) ? found[found.length - 1] : found, values);
}

// The server's sentences have values in them: each is found by what stands around those.
const forms = (words[""] ?? []).map((text) => ({
  text, names: [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]),
  form: new RegExp(`^${text.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("(.+?)")}$`, "su"),
}));

/** A sentence of the server in the reader's language, if the catalogue has it. */
export function said(sentence) {
  if (typeof words[sentence] === "string") return words[sentence];
  for (const { text, names, form } of forms) {
    const found = form.exec(sentence);
    if (found) return _(text, Object.fromEntries(names.map((name, n) => [name, _(found[n + 1])])));
  }
  return sentence;
}

/** Marks a text for the catalogue that is translated where it is shown. */
export const N_ = (text) => text;

/** A text that depends on a number n. */
export function ngettext(one, many, n, values = {}) {
  const found = words[one];
  const text = found ? (Array.isArray(found) ? found[Math.min(found.length - 1, n === 1 ? 0 : 1)] : found) : n === 1 ? one : many;
  return filled(text, { n: new Intl.NumberFormat(locale).format(n), ...values });
}

export const locale = root.dataset.lang === "zh" ? "zh-CN" : navigator.language.startsWith("en") ? navigator.language : "en";
export const number = (value, options) => new Intl.NumberFormat(locale, options).format(value);

/** How long something takes, in few words; over a minute also when it is over. */
export function timeLeft(seconds) {
  if (seconds == null || !isFinite(seconds)) return "";
  if (seconds < 1.5) return _("almost done");
  if (seconds < 60) return _("{n} s left", { n: Math.round(seconds) });
  const at = new Date(Date.now() + seconds * 1000);
  const sameDay = at.toDateString() === new Date().toDateString();
  const clock = at.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit", ...(sameDay ? {} : { weekday: "short" }) });
  return seconds < 5400 ? _("{n} min left, done at {clock}", { n: Math.round(seconds / 60), clock }) : _("{n} h left, done at {clock}", { n: number(seconds / 3600, { maximumFractionDigits: 1 }), clock });
}

/** How long something takes, before it begins. */
export function duration(seconds) {
  if (seconds < 60) return _("{n} s", { n: Math.max(1, Math.round(seconds)) });
  return seconds < 5400 ? _("{n} min", { n: Math.round(seconds / 60) }) : _("{n} h", { n: number(seconds / 3600, { maximumFractionDigits: 1 }) });
}

export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (count >= 1000 && at < units.length - 1) { count /= 1000; at += 1; }
  return `${number(count, { maximumFractionDigits: count < 10 && at > 1 ? 1 : 0 })} ${units[at]}`;
}

export function when(seconds) {
  const date = new Date(seconds * 1000);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(locale, today ? { hour: "2-digit", minute: "2-digit" } : { dateStyle: "medium", timeStyle: "short" });
}
