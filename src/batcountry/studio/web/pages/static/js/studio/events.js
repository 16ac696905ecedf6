// What happens in the studio, as events of this target: one for each kind, with the data as `detail`; `back` when the
// page may have missed some (it was asleep or offline) and reads its state anew; `reach` when the studio comes or goes.
import { _, N_ } from "./words.js";
import { $ } from "./dom.js";

const KINDS = ["job", "progress", "preview", "picture", "settings", "network"];

// The newest event when the page was made, so that what happens until it listens is not missed.
function lastEvent() {
  const text = document.documentElement.dataset.lastEvent;
  return text ? Number(text) : null;
}

class Happenings extends EventTarget {
  #source = null; #last = lastEvent(); #failures = 0; #timer = 0; #heard = 0; #probed = 0; #polling = false; reachable = true;

  begin() {
    if (this.#source || this.#polling) return this;
    this.#open();
    addEventListener("online", () => this.#again());
    addEventListener("offline", () => this.#probe());
    addEventListener("pageshow", (event) => { if (event.persisted) this.#again(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && Date.now() - this.#heard > 12_000) this.#again(); });
    let tick = Date.now();
    setInterval(() => {  // a gap means that the machine slept
      if (Date.now() - tick > 6000) this.#again();
      tick = Date.now();
      // A stream that is open and says nothing while something is dreamed may be held back on its way.
      const silent = Date.now() - Math.max(this.#heard, this.#probed);
      if (!document.hidden && silent > (this.busy?.() ? 3000 : 20_000)) this.#probe();
    }, 1500);
    addEventListener("pagehide", () => this.#source?.close());
    return this;
  }

  #open() {
    clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource(`/api/v1/events${this.#last == null ? "" : `?after=${this.#last}`}`);
    this.#source = source;
    source.onopen = () => {
      const missed = this.#failures > 0;
      this.#failures = 0;
      this.#heard = Date.now();
      this.#reach(true);
      if (missed) this.dispatchEvent(new Event("back"));
    };
    source.onerror = () => {
      source.close();
      this.#failures += 1;
      if (this.#failures > 1) this.#ask();
      this.#timer = setTimeout(() => this.#open(), Math.min(300 * 2 ** Math.min(this.#failures, 3), 1500));
    };
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.#hear(kind, event.data, event.lastEventId));
    source.addEventListener("reset", (event) => {
      try { this.#last = JSON.parse(event.data).last ?? null; } catch { this.#last = null; }
      this.dispatchEvent(new Event("back"));
    });
  }

  #hear(kind, data, id) {
    this.#heard = Date.now();
    if (id) this.#last = Number(id);
    let detail;
    try { detail = typeof data === "string" ? JSON.parse(data) : data; } catch { return; }
    this.dispatchEvent(new CustomEvent(kind, { detail: { ...detail, event: id } }));
  }

  async #probe() {
    if (this.#polling) return;
    this.#probed = Date.now();
    try {
      const response = await fetch(`/api/v1/events/since?wait=0${this.#last == null ? "" : `&after=${this.#last}`}`, { signal: AbortSignal.timeout(4000) });
      if (!response.ok) return;
      this.#take(await response.json());
      if (!this.reachable) this.#again();
    } catch { this.#reach(false); }
  }

  #take(answer) {
    this.#reach(true);
    if (answer.reset) this.dispatchEvent(new Event("back"));
    for (const each of answer.events) if (this.#last == null || each.id > this.#last) this.#hear(each.kind, each.data, each.id);
    this.#last = answer.last ?? this.#last;
  }

  // Where events don't pass (a proxy that holds them back), asking does.
  async #ask() {
    if (this.#polling) return;
    this.#polling = true;
    try {
      while (this.#failures > 1) {
        const response = await fetch(`/api/v1/events/since?wait=10${this.#last == null ? "" : `&after=${this.#last}`}`);
        if (!response.ok) throw new Error();
        this.#take(await response.json());
      }
    } catch { this.#reach(false); }
    this.#polling = false;
  }

  #again() { this.#failures = Math.max(this.#failures, 1); this.#open(); }

  #reach(reachable) {
    if (reachable === this.reachable) return;
    this.reachable = reachable;
    const banner = $("banner");
    banner.textContent = reachable ? "" : _("The studio can't be reached. This page goes on by itself when it is back.");
    banner.hidden = reachable;
    this.dispatchEvent(new CustomEvent("reach", { detail: reachable }));
    if (reachable) this.dispatchEvent(new Event("back"));
  }
}

export const happenings = new Happenings();
export const on = (kind, act) => happenings.addEventListener(kind, (event) => act(event.detail));
const STEPS = { octave: N_("octave {n} of {all}"), iteration: N_("step {n} of {all}"), channel: N_("channel {n} of {all}"), frame: N_("frame {n} of {all}"), tile: N_("tile {n} of {all}"), layer: N_("layer {n} of {all}") };
const step = (what, n, all) => (STEPS[what] ? _(STEPS[what], { n, all }) : `${what} ${n}/${all}`);

/** Where a job is, in words: of what the studio says, "channel 3/32", the coarsest part. */
export const whereOf = (text) => { const found = /^\s*(\w+) (\d+)\/(\d+)/.exec(text ?? ""); return found ? step(found[1], found[2], found[3]) : text ?? ""; };

/** A job's progress, of an event that tells it. */
export function progressOf(detail) {
  if (detail.progress) return detail.progress;
  if (!Array.isArray(detail.where)) return detail;
  const level = (what) => detail.where.find((each) => each.what === what) ?? {};
  const { at: octave, of: octaves } = level("octave");
  const [first] = detail.where;
  return { done: detail.done, seconds_left: detail.seconds_left, octave, octaves, where: first ? `${first.what} ${first.at}/${first.of}` : "" };
}

/** The job that an event is about. */
export const jobOf = (detail) => (typeof detail?.job === "object" ? detail.job?.id : detail?.job) ?? detail?.id;
