// Pictures that people drop or paste, anywhere: files, and results dragged from our own pages.
import { _ } from "../studio/words.js";
import { toast } from "../studio/dom.js";

export const OWN = "application/x-batcountry";

/** Let a picture of ours be dragged: a result can be dropped as picture, guide or mask. */
export function draggable(element, source, size = {}) {
  element.draggable = true;
  element.addEventListener("dragstart", (event) => event.dataTransfer.setData(OWN, JSON.stringify({ ...source, ...size })));
}

const holds = (transfer) => transfer && ([...transfer.types].includes("Files") || [...transfer.types].includes(OWN));

function taken(transfer, take, films) {
  const own = transfer.getData(OWN);
  if (own) { try { take({ own: JSON.parse(own) }); } catch { /* not ours after all */ } return; }
  const files = [...transfer.files];
  const file = files.find((each) => each.type.startsWith("image/") || (films && each.type.startsWith("video/"))) ?? files[0];
  if (!file) return;
  if (/svg/.test(file.type) || !(file.type === "" || file.type.startsWith("image/") || (films && file.type.startsWith("video/")))) { toast(_("That is no picture.")); return; }
  take({ file });
}

/** Take drops on an element (and pastes, if it is the whole page). `take` gets {file} or {own: source}. */
export function takeDrops(element, take, { paste = false, films = false } = {}) {
  let depth = 0;
  const over = (shown) => element.classList.toggle(element === document.body ? "dropping" : "over", shown);
  element.addEventListener("dragenter", (event) => { if (holds(event.dataTransfer)) { depth += 1; over(true); event.preventDefault(); } });
  element.addEventListener("dragover", (event) => { if (holds(event.dataTransfer)) event.preventDefault(); });
  element.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); if (!depth) over(false); });
  element.addEventListener("drop", (event) => {
    depth = 0;
    over(false);
    if (event.defaultPrevented || !holds(event.dataTransfer)) return;
    event.preventDefault();
    document.body.classList.remove("dropping");
    taken(event.dataTransfer, take, films);
  });
  if (paste) addEventListener("paste", (event) => { if (event.clipboardData?.files.length) { event.preventDefault(); taken(event.clipboardData, take, films); } });
}
