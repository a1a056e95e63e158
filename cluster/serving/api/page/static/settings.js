// The settings of a request: versions, and how to sample.

import { element } from "./text.js";

const SAME = "same"; // compare with another sample of the same version
const OTHER_TEMPERATURE = 0.7;

const of = (id) => document.getElementById(id);

/** Offer the models that are served. The one that follows promotions is first. */
export function offerModels(models) {
  const sorted = [...models].sort((a, b) => isPinned(a.id) - isPinned(b.id));
  const [model, other] = [of("model"), of("other")];
  const chosen = [model.value, other.value];
  model.replaceChildren(...sorted.map((served) => option(served.id, labelOf(served))));
  other.replaceChildren(
    option("", "nothing"),
    option(SAME, "another sample"),
    ...sorted.filter(({ id }) => isPinned(id)).map((served) => option(served.id, labelOf(served))),
  );
  [model, other].forEach((select, i) => {
    if ([...select.options].some(({ value }) => value === chosen[i])) select.value = chosen[i];
  });
}

/** The requests that the settings ask for: one, or two to compare. [{label, body}] */
export function requests() {
  const model = of("model").value;
  const body = { ...(model && { model }), ...numbers(), stream_options: { include_usage: true } };
  const label = model ? nameOf(model) : "the served policy";
  const other = of("other").value;
  if (!other) return [{ label, body }];
  if (other !== SAME) return [{ label, body }, { label: nameOf(other), body: { ...body, model: other } }];
  const temperature = body.temperature || OTHER_TEMPERATURE;
  const seed = body.seed === undefined ? {} : { seed: body.seed + 1 };
  return [{ label, body }, { label: `${label}, another sample at ${temperature}`, body: { ...body, temperature, ...seed } }];
}

/** What is set, in a few words. */
export function summary() {
  const set = Object.entries(numbers()).map(([name, value]) => `${name.replace("_", " ")} ${value}`);
  const other = of("other").value;
  if (other) set.push(`comparing with ${of("other").selectedOptions[0].textContent}`);
  return set.join(", ");
}

function numbers() {
  const fields = { temperature: "temperature", max_tokens: "max-tokens", seed: "seed" };
  const set = Object.entries(fields).filter(([, id]) => of(id).value.trim() !== "");
  return Object.fromEntries(set.map(([name, id]) => [name, of(id).valueAsNumber]));
}

function isPinned(id) {
  return /@v\d+$/.test(id);
}

function labelOf({ id, automathes }) {
  const version = automathes?.policy_version;
  return isPinned(id) || version === undefined ? nameOf(id) : `${nameOf(id)}, now version ${version}`;
}

function nameOf(id) {
  return id.replace(/^automathes\//, "");
}

function option(value, text) {
  const made = element("option", "", text);
  made.value = value;
  return made;
}
