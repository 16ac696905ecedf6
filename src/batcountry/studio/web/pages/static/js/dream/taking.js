// Pictures that are taken: what they are to the studio, and how large.
import { get } from "../studio/api.js";
import { SKY } from "./state.js";

/** A file as the browser shows it, {url, width, height}; sizes are 0 if it cannot. */
export async function measured(file) {
  const url = URL.createObjectURL(file);
  const image = new Image();
  image.src = url;
  try { await image.decode(); } catch { return { url, width: 0, height: 0 }; }
  return { url, width: image.naturalWidth, height: image.naturalHeight };
}

/** Fill in the size of an entry's source. */
export async function sizeOf(entry) {
  try {
    const found = entry.source.picture ? await get(`/pictures/${entry.source.picture}`) : await get(`/uploads/${entry.source.upload}`);
    Object.assign(entry, { width: found.width, height: found.height });
  } catch { Object.assign(entry, SKY); }
}

/** The source that a dropped picture of ours is. */
export const sourceOf = (own) => (own.upload ? { upload: own.upload } : { picture: own.picture });
