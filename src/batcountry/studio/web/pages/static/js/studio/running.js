// A job that a page follows: how it is told in words, and what may be done about it.
import { _, N_, ngettext, said, timeLeft } from "./words.js";
import { $, button, told } from "./dom.js";
import { get, post } from "./api.js";
import { happenings, jobOf, on, progressOf, whereOf } from "./events.js";

export const NAMES = { dream: N_("Dream"), enlarge: N_("Print size"), zoom: N_("Flight"), video: N_("Film"), visualize: N_("Drawing"), watch: N_("From a folder"), looks: N_("Small dreams of looks"), see: N_("What it sees"), draw: N_("Drawing of channels"), atlas: N_("Atlas") };
export const STATES = { waiting: N_("waiting"), running: N_("dreaming"), paused: N_("paused"), done: N_("done"), failed: N_("did not work"), cancelled: N_("cancelled"), set_aside: N_("set aside") };
export const ACTIVE = ["waiting", "running", "paused"];

/** What a job was asked to do and does at the end of its step. */
export const wished = (job) => ({ pause: _("pausing …"), cancel: _("stopping …") })[job.state === "running" ? job.wish : ""] ?? "";

/** Follow one job at a time: `heard(job)` gets it whenever it changed. */
export class Following {
  constructor(heard) {
    this.job = null;
    this.heard = heard;
    on("job", (detail) => { if (jobOf(detail) === this.job?.id) this.refresh(); });
    on("progress", (detail) => { if (jobOf(detail) === this.job?.id) this.#now({ ...this.job, state: this.job.state === "waiting" ? "running" : this.job.state, progress: progressOf(detail) }); });
    on("preview", (detail) => { if (jobOf(detail) === this.job?.id) this.#now({ ...this.job, preview: detail.preview ?? `/api/v1/jobs/${this.job.id}/preview?n=${detail.event}` }); });
    happenings.busy = () => ["waiting", "running"].includes(this.job?.state);
    happenings.addEventListener("back", () => this.refresh());
  }

  #now(job) { this.job = job; this.heard(job); }

  async follow(id) { this.job = { id, state: "waiting" }; await this.refresh(); }

  async begin(request) {
    await this.leave();
    this.#now(await post("/jobs", request));
    this.refresh();
    return this.job;
  }

  async refresh() {
    const id = this.job?.id;
    if (!id) return;
    try { const now = await get(`/jobs/${id}`); if (this.job?.id === id) this.#now(now); } catch (error) { if (error.status === 404) this.#now(null); }
  }

  async leave() { if (ACTIVE.includes(this.job?.state)) await post(`/jobs/${this.job.id}/cancel`).catch(() => {}); this.job = null; }

  act(what) { return async () => { try { this.#now(await post(`/jobs/${this.job.id}/${what}`)); } catch (error) { told(error); } this.refresh(); }; }

  buttons() {
    const state = this.job?.state;
    if (state === "running") return [button(_("Pause"), this.act("pause")), button(_("Cancel"), this.act("cancel"))];
    if (state === "waiting") return [button(_("Cancel"), this.act("cancel"))];
    if (state === "paused") return [button(_("Cancel"), this.act("cancel")), button(_("Go on"), this.act("resume"), { class: "main" })];
    if (["failed", "set_aside"].includes(state)) return [button(_("Try again"), this.act("retry"), { class: "main" })];
    return [];
  }

  sentence() {
    const job = this.job;
    const dot = (...parts) => parts.filter(Boolean).join(" · ");
    switch (job?.state) {
      case "waiting": return dot(_("Waiting"), job.sentence && said(job.sentence), job.ahead > 0 ? ngettext("{n} is before it", "{n} are before it", job.ahead) : "");
      case "running": return dot(_("Dreaming"), wished(job) || timeLeft(job.progress?.seconds_left), whereOf(job.progress?.where));
      case "paused": return _("Paused");
      case "failed": case "set_aside": return said(job.sentence) || _("It did not work.");
      case "cancelled": return _("Cancelled");
      case "done": return _("Done");
    }
    return "";
  }

  /** Draw the line of progress, the status and the buttons that all pages have. */
  draw(others = []) {
    const job = this.job;
    const bar = $("progress");
    bar.hidden = !ACTIVE.includes(job?.state);
    bar.classList.toggle("unknown", job?.progress?.done == null);
    bar.firstElementChild.style.transform = job?.progress?.done == null ? "" : `scaleX(${job.progress.done})`;
    if ($("status").textContent !== this.sentence()) $("status").textContent = this.sentence();
    const key = JSON.stringify([job?.id, job?.state, others.map((each) => each.textContent)]);
    if (this.drawn !== key) { this.drawn = key; $("actions").replaceChildren(...this.buttons(), ...others); }
  }
}
