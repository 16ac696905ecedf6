// How the dream on the first page is: its line of progress, a sentence, and the pictures before and after.
import { _, ngettext, number, said, timeLeft } from "../studio/words.js";
import { $ } from "../studio/dom.js";
import { at } from "../studio/api.js";
import { wished } from "../studio/running.js";
import { SKY, state } from "./state.js";

const sizeOf = ({ width, height }) => (width ? `${number(width, { useGrouping: false })} × ${number(height, { useGrouping: false })}` : "");

// The form's size is that of the longer side of what is dreamed; a picture that is smaller stays as it is.
function dreamed({ width, height, form }) {
  const share = form.size ? Math.min(1, form.size / Math.max(width, height)) : 1;
  return { width: Math.round(width * share), height: Math.round(height * share) };
}

export function sentenceOf(job, sending, begun) {
  if (sending) return _("Sending the picture …");
  if (!begun) return "";
  const size = sizeOf((state.result && state.made) || dreamed(state));
  const dot = (...parts) => parts.filter(Boolean).join(" · ");
  switch (job?.state) {
    case "sending": return _("Getting ready …");
    case "waiting": return dot(_("Waiting"), job.sentence && said(job.sentence), job.ahead > 0 ? ngettext("{n} is before it", "{n} are before it", job.ahead) : "", job.starts_in > 1 ? _("begins in {n} s", { n: Math.round(job.starts_in) }) : "");
    case "running": return dot(_("Dreaming"), wished(job) || (job.progress ? timeLeft(job.progress.seconds_left) : _("looking at the picture")), size);
    case "paused": return dot(_("Paused"), _("the memory is free"));
    case "failed": return said(job.sentence) || _("It did not work.");
    case "set_aside": return said(job.sentence) || _("It stopped the program twice, and was set aside.");
    case "cancelled": return _("Cancelled");
  }
  return state.result ? dot(_("Done"), size) : size;
}

/** Show the line of progress, of what is sent (`local`) or of the job. */
export function showProgress(job, local) {
  const bar = $("progress");
  const share = local ? local.share : job?.state === "running" || job?.state === "paused" ? job.progress?.done : null;
  const moving = !!local || ["sending", "waiting", "running", "paused"].includes(job?.state);
  bar.hidden = !moving;
  bar.classList.toggle("unknown", moving && share == null);
  bar.firstElementChild.style.transform = share == null ? "" : `scaleX(${share})`;
}

/** Show which octave a job is at. */
export function showOctave(job) {
  const octave = $("tag");
  octave.hidden = !(job?.state === "running" && job.progress?.octaves);
  if (!octave.hidden) octave.textContent = _("octave {n} of {all}", { n: job.progress.octave, all: job.progress.octaves });
}

/** Show a result or the last preview beside the picture before, with the divider if there is something to compare. */
export function showPictures(compare, job, before) {
  compare.ratio(state.width || SKY.width, state.height || SKY.height);
  compare.showBefore(before);
  const running = job && ["running", "paused", "waiting", "cancelled", "failed"].includes(job.state);
  const after = state.result ? at.file(state.result) : running && job.preview ? job.preview : null;
  if (after) compare.showAfter(after);
  else if (!compare.after.getAttribute("src") || !["sending", "waiting", "running"].includes(job?.state)) compare.showAfter(before);
  compare.split(!!after || (["sending", "waiting", "running"].includes(job?.state) && !!compare.after.getAttribute("src") && compare.after.getAttribute("src") !== before));
}
