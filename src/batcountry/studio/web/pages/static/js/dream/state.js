// What survives a reload of the first page: where the picture comes from, the form, the job, and the results so far.
import { kept } from "../studio/dom.js";
import { at } from "../studio/api.js";
import { blankForm } from "../studio/recipe.js";

export const SKY = { width: 1024, height: 576 };
export const ACTIVE = ["waiting", "running", "paused"];
export const MOST_RESULTS = 40;
const MOST_STEPS = 60;

export const state = { source: null, sky: false, width: 0, height: 0, form: blankForm(), job: null, result: null, made: null, strip: [], past: [], ...kept.read("dream", {}) };
state.form = { ...blankForm(), ...state.form };
export const keep = () => kept.write("dream", { ...state, past: state.past.slice(-MOST_STEPS), strip: state.strip.slice(0, MOST_RESULTS) });

/** All that an undo brings back. `made` is the size of the result. */
export const snapshot = () => structuredClone({ source: state.source, sky: state.sky, width: state.width, height: state.height, form: state.form, result: state.result, made: state.made });

/** The address of the picture that is dreamed on. */
export const beforeAddress = () => (state.source ? at.source(state.source) : `${document.documentElement.dataset.static}/img/sky.webp`);
