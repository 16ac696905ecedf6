// What the form on the first page says, as a recipe; and a recipe in a person's words.
import { _, N_ } from "./words.js";

export const STRENGTHS = [N_("gentle"), N_("normal"), N_("wild")];

// Size of the coarsest octave against the picture: what grows there is as large a part of it.
export const PATTERNS = [
  { word: N_("very fine"), recipe: { initial_size: "x0.7" } },
  { word: N_("fine"), recipe: { initial_size: "x0.4" } },
  { word: N_("medium"), recipe: {} },
  { word: N_("large"), recipe: { initial_size: "x0.13", octaves: 7 } },
  { word: N_("as large as it goes"), recipe: { initial_size: "x0.09", octaves: 8 } },
];

export const SIZES = [[512, N_("a quick look")], [1024, N_("for the screen")], [2048, N_("large")], [0, N_("as the picture is")]];

// Fields that have a place of their own on the page, and those that only the studio itself may fill.
export const SHOWN = ["model", "layer", "objective", "strength", "initial_size", "octaves", "size", "guide", "mask"];
export const STUDIOS = ["weights", "mean", "std", "channels", "device", "max_memory"];

export const blankForm = () => ({ look: "", strength: "normal", patterns: 2, size: 1024, guide: null, mask: null, thing: null, model: "", layer: "", rest: {} });

export function recipeOf(form, looks) {
  const look = looks.find((each) => each.name === form.look);
  const recipe = { ...(look?.recipe ?? {}), strength: form.strength, ...PATTERNS[form.patterns].recipe };
  if (form.size) recipe.size = form.size;
  if (form.model) { if (recipe.model !== form.model) { delete recipe.layer; delete recipe.objective; } recipe.model = form.model; }
  if (form.layer) { recipe.layer = form.layer; delete recipe.objective; }
  if (form.thing) { delete recipe.layer; recipe.objective = form.thing.objective; if (form.thing.model) recipe.model = form.thing.model; }
  if (form.guide) delete recipe.objective;
  return { ...recipe, ...form.rest };
}

/** The form that gives a recipe again, as near as the form can. */
export function formOf(recipe, looks, schema) {
  const form = blankForm();
  const given = Object.fromEntries(Object.entries(recipe).filter(([name, value]) => value != null && value !== schema?.properties[name]?.default && !["guide", "mask", ...STUDIOS].includes(name)));
  form.strength = STRENGTHS.includes(recipe.strength) ? recipe.strength : "normal";
  form.size = recipe.size ?? 0;
  const pattern = PATTERNS.findIndex((each) => each.recipe.initial_size && each.recipe.initial_size === recipe.initial_size);
  if (pattern >= 0) { form.patterns = pattern; delete given.initial_size; if (PATTERNS[pattern].recipe.octaves === given.octaves) delete given.octaves; }
  const same = (look) => Object.entries(look.recipe).every(([name, value]) => recipe[name] === value);
  const look = looks.filter((each) => Object.keys(each.recipe).length && same(each)).sort((one, two) => Object.keys(two.recipe).length - Object.keys(one.recipe).length)[0];
  if (look) { form.look = look.name; for (const name of Object.keys(look.recipe)) delete given[name]; }
  if (given.objective) form.thing = { objective: given.objective, title: thingTitle(given.objective), model: given.model };
  form.layer = given.layer ?? "";
  form.model = given.model ?? "";
  for (const name of ["model", "layer", "objective", "strength", "size"]) delete given[name];
  form.rest = given;
  return form;
}

export function thingTitle(objective) {
  const logit = /^logit\("([^"]+)"\)$/.exec(objective);
  if (logit) return logit[1];
  const channel = /^channel\("([^"]+)", (\d+)\)$/.exec(objective);
  return channel ? _("channel {n} of {layer}", { layer: channel[1], n: channel[2] }) : objective;
}

export const objectiveText = (text) => JSON.stringify(text);

/** A recipe as a sentence: "Creatures, strong, EfficientNet-Lite0, a guide". */
export function sentenceOf(recipe, looks = []) {
  const parts = [];
  const look = looks.find((each) => recipe.layer && each.recipe?.layer === recipe.layer && (each.recipe.model ?? recipe.model) === recipe.model);
  if (recipe.objective) parts.push(thingTitle(recipe.objective)); else if (look) parts.push(_(look.title)); else if (recipe.layer) parts.push(recipe.layer);
  if (recipe.strength && recipe.strength !== "normal") parts.push(_(recipe.strength));
  const pattern = PATTERNS.find((each) => each.recipe.initial_size && each.recipe.initial_size === recipe.initial_size);
  if (pattern) parts.push(_("{size} patterns", { size: _(pattern.word) }));
  if (recipe.model) parts.push(recipe.model);
  if (recipe.guide) parts.push(_("with a guide"));
  if (recipe.mask) parts.push(_("only in a part"));
  return parts.join(_(", "));
}
