// Painting a mask on the picture of the first page.
import { $ } from "../studio/dom.js";
import { Painter } from "../parts/mask.js";
import { SKY, state } from "./state.js";

/** Let a mask be painted over the picture before; `done` gets it as a file, `leave` is called when that is over. */
export function paintOn(compare, { done, leave }) {
  const painting = (now) => { compare.still = now; compare.peek(now); $("canvas").classList.toggle("is-painting", now); };
  painting(true);
  $("canvas").scrollIntoView({ block: "nearest", behavior: "smooth" });
  return new Painter($("frame"), $("painting"), {
    width: state.width || SKY.width, height: state.height || SKY.height,
    done: (blob) => done(new File([blob], "mask.png", { type: "image/png" })),
    leave: () => { painting(false); leave(); },
  });
}
