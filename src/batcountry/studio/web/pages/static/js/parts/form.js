// Fields made from a JSON schema: groups, titles, limits and examples are the schema's, so there is no second list.
import { _, ngettext } from "../studio/words.js";
import { el } from "../studio/dom.js";

const typesOf = (field) => [field.type ?? []].flat();
const nullable = (field) => typesOf(field).includes("null") || (field.enum ?? []).includes(null);

function control(name, field, value, changed) {
  const types = typesOf(field);
  const described = `about-${name}`;
  const common = { id: `field-${name}`, name, "aria-describedby": described };
  if (field.enum) {
    const choices = field.enum.filter((choice) => choice !== null);
    const select = el("select", { ...common, onchange: () => changed(select.value === "" ? null : select.value) },
      nullable(field) ? el("option", { value: "" }, _("as it fits")) : null,
      choices.map((choice) => el("option", { value: choice }, _(choice))));
    select.value = value ?? "";
    return select;
  }
  if (types.includes("boolean")) {
    const box = el("input", { ...common, type: "checkbox", checked: !!value, onchange: () => changed(box.checked) });
    return box;
  }
  const numeric = types.includes("number") || types.includes("integer");
  const whole = types.includes("integer");
  const input = el("input", {
    ...common, type: numeric ? "number" : "text", value: value ?? "",
    ...(numeric ? { step: whole ? "1" : "any", min: field.minimum ?? field.exclusiveMinimum, max: field.maximum ?? field.exclusiveMaximum, inputmode: whole ? "numeric" : "decimal" } : { spellcheck: "false", autocapitalize: "off" }),
    placeholder: field.default ?? (field.examples?.[0] !== undefined ? _("such as {example}", { example: field.examples[0] }) : _("as it fits")),
    pattern: numeric ? null : field.pattern,
    onchange: () => {
      const good = input.checkValidity();
      input.setAttribute("aria-invalid", String(!good));
      if (!good) return;
      const text = input.value.trim();
      changed(text === "" ? null : numeric ? Number(text) : text);
    },
  });
  if (field.examples?.length > 1) {
    input.setAttribute("list", `list-${name}`);
    return el("div", {}, input, el("datalist", { id: `list-${name}` }, field.examples.map((example) => el("option", { value: String(example) }))));
  }
  return input;
}

/**
 * Fill an element with the fields of a schema.
 * values: what is set now, by name; changed(name, value) hears a change, with undefined where it is the default again.
 */
export function fields(place, schema, { leave = [], only = null, values = {}, changed, flat = false }) {
  const groups = new Map();
  const names = Object.keys(schema.properties).filter((name) => !leave.includes(name) && (!only || only.includes(name)) && !schema.properties[name].$ref && !("const" in schema.properties[name]));
  for (const name of names) {
    const field = schema.properties[name];
    const value = name in values ? values[name] : field.default;
    const check = typesOf(field).includes("boolean");
    const row = el(check ? "label" : "div", { class: check ? "check" : "field" });
    const mark = () => row.classList.toggle("changed", name in values);
    const hear = (now) => {
      const plain = now === field.default || (now === null && field.default === undefined) || (now === null && !nullable(field));
      if (plain) delete values[name]; else values[name] = now;
      mark();
      changed(name, plain ? undefined : now);
    };
    const input = control(name, field, value, hear);
    const about = el("small", { id: `about-${name}` }, _(field.description ?? ""));
    const title = _(field.title ?? name);
    row.append(...(check ? [input, el("span", {}, title, about)] : [el("label", { for: `field-${name}` }, el("span", {}, title)), input, about]));
    mark();
    const group = field.group ?? "";
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(row);
  }
  place.replaceChildren();
  for (const [group, rows] of groups) {
    if (flat) place.append(...rows); else place.append(el("fieldset", {}, group ? el("legend", {}, _(group)) : null, rows));
  }
  return names.length;
}

export const settingsCount = (n, changed) => (changed ? ngettext("{n} changed", "{n} changed", changed) : ngettext("{n} setting", "{n} settings", n));

/** Show looks as pictures to choose from; `chosen` hears the name. */
export function showLooks(place, looks, current, chosen) {
  place.replaceChildren(...looks.map((look) => {
    const input = el("input", { type: "radio", name: "look", value: look.name, checked: look.name === current, onchange: () => chosen(look.name) });
    const picture = look.picture ? el("img", { src: look.picture, alt: "", width: "100", height: "100", onerror: () => picture.replaceWith(el("div", { class: "blank" })) }) : el("div", { class: "blank" });
    return el("label", {}, input, picture, _(look.title ?? look.name));
  }));
}
