// Colours of Python code.

import { appendText, element } from "./text.js";

const KEYWORDS = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global if " +
    "import in is lambda nonlocal not or pass raise return try while with yield").split(" "),
);
const TOKEN =
  /(?<comment>#[^\n]*)|(?<string>"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)|(?<number>\b\d[\w.]*)|(?<name>[A-Za-z_]\w*)/g;

/** Append code to an element, with a span for each comment, text, number and keyword. */
export function appendCode(parent, code) {
  let from = 0;
  for (const found of code.matchAll(TOKEN)) {
    const kind = kindOf(found.groups);
    if (!kind) continue;
    appendText(parent, code.slice(from, found.index));
    const span = element("span", `py-${kind}`);
    appendText(span, found[0]);
    parent.append(span);
    from = found.index + found[0].length;
  }
  appendText(parent, code.slice(from));
}

function kindOf(groups) {
  if (groups.name !== undefined) return KEYWORDS.has(groups.name) ? "keyword" : "";
  return Object.keys(groups).find((kind) => groups[kind] !== undefined);
}
