// Prose with simple TeX made legible: fractions, roots, powers, common symbols. What is not simple stays as it is.

import { appendText, element } from "./text.js";

const SYMBOLS = {
  cdot: "·", times: "×", div: "÷", pm: "±", mp: "∓", le: "≤", leq: "≤", ge: "≥", geq: "≥", ne: "≠", neq: "≠",
  approx: "≈", equiv: "≡", infty: "∞", pi: "π", alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ε", theta: "θ",
  lambda: "λ", mu: "μ", sigma: "σ", phi: "φ", omega: "ω", Delta: "Δ", Sigma: "Σ", Omega: "Ω", sum: "∑", prod: "∏",
  int: "∫", in: "∈", notin: "∉", subset: "⊂", cup: "∪", cap: "∩", to: "→", rightarrow: "→", Rightarrow: "⇒",
  implies: "⇒", iff: "⇔", mid: "|", circ: "°", degree: "°", ldots: "…", dots: "…", cdots: "⋯", lfloor: "⌊",
  rfloor: "⌋", lceil: "⌈", rceil: "⌉", quad: " ", qquad: "  ", left: "", right: "", displaystyle: "",
  ",": " ", ";": " ", "!": "", " ": " ", "%": "%", $: "$", "{": "{", "}": "}", "#": "#", "&": "&", _: "_",
  log: "log", ln: "ln", sin: "sin", cos: "cos", tan: "tan", gcd: "gcd", lcm: "lcm", max: "max", min: "min", bmod: " mod ",
};
const WRAPPERS = new Set(["text", "textbf", "textit", "mathrm", "mathbf", "mathit", "mbox", "operatorname"]);
const BOXES = ["\\boxed{", "\\fbox{"];
// The lengths are limited, so that a text of nothing but delimiters is read in linear time.
const DELIMITED =
  /\$\$([^$]{1,2000})\$\$|\$(?=\S)([^$\n]{0,500}[^$\s\\])\$(?!\d)|\\\(([^]{1,2000}?)\\\)|\\\[([^]{1,2000}?)\\\]/;
const MAX_DEPTH = 12;
const MAX_CHARS = 4000; // of one formula

/** Append prose to an element: its formulas made legible, its boxed answers marked. */
export function appendProse(parent, text) {
  let rest = text;
  while (rest) {
    const box = firstBox(rest);
    const formula = DELIMITED.exec(rest);
    if (formula && (!box || formula.index < box.start)) {
      appendText(parent, rest.slice(0, formula.index));
      appendFormula(parent, formula.slice(1).find((group) => group !== undefined), formula[0]);
      rest = rest.slice(formula.index + formula[0].length);
    } else if (box) {
      appendText(parent, rest.slice(0, box.start));
      parent.append(boxed(box.content));
      rest = rest.slice(box.end);
    } else {
      appendText(parent, rest);
      rest = "";
    }
  }
}

/** An element that shows TeX, or the plain text of an answer. */
export function formula(tex) {
  const made = element("span", "math");
  made.title = tex;
  const nodes = document.createDocumentFragment();
  if (tex.length <= MAX_CHARS && readInto(nodes, new Reader(tex), 0)) made.append(nodes);
  else appendText(made, tex);
  return made;
}

function appendFormula(parent, tex, source) {
  if (BOXES.some((box) => tex.includes(box))) appendProse(parent, tex);
  else if (tex.length <= MAX_CHARS) parent.append(formula(tex));
  else appendText(parent, source);
}

function boxed(content) {
  return element("span", "boxed", formula(content));
}

function firstBox(text) {
  const starts = BOXES.map((box) => ({ start: text.indexOf(box), open: box.length })).filter(({ start }) => start >= 0);
  for (const { start, open } of starts.sort((a, b) => a.start - b.start)) {
    const end = closingBrace(text, start + open);
    if (end >= 0) return { start, content: text.slice(start + open, end), end: end + 1 };
  }
  return null;
}

/** The position of the brace that closes the group which a position is in, or -1. */
function closingBrace(text, start) {
  let depth = 1;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return -1;
}

class Reader {
  constructor(text) {
    this.text = text;
    this.position = 0;
  }

  get done() {
    return this.position >= this.text.length;
  }

  take(pattern) {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    if (found) this.position += found[0].length;
    return found;
  }

  /** The text of the next group or the next character. */
  argument() {
    this.take(/\s*/y);
    if (this.text[this.position] !== "{") return (this.take(/\\[A-Za-z]+|[^]/y) ?? [""])[0];
    const end = closingBrace(this.text, this.position + 1);
    if (end < 0) return null;
    const content = this.text.slice(this.position + 1, end);
    this.position = end + 1;
    return content;
  }
}

/** Append what a reader has to a node. Returns false if it is not simple; then the node is not to be used. */
function readInto(node, reader, depth) {
  if (depth > MAX_DEPTH) return false;
  while (!reader.done) {
    const plain = reader.take(/[^\\{}^_$]+/y);
    if (plain) appendText(node, plain[0].replace(/\s+/g, " "));
    else if (!readSpecial(node, reader, depth)) return false;
  }
  return true;
}

function readSpecial(node, reader, depth) {
  const script = reader.take(/[\^_]/y);
  if (script) return appendGroup(node, script[0] === "^" ? "sup" : "sub", reader.argument(), depth);
  if (reader.text[reader.position] === "{") return appendGroup(node, "span", reader.argument(), depth);
  const command = reader.take(/\\([A-Za-z]+|[^])/y);
  return command ? readCommand(node, reader, command[1], depth) : false;
}

function readCommand(node, reader, name, depth) {
  if (Object.hasOwn(SYMBOLS, name)) {
    node.append(SYMBOLS[name]);
    return true;
  }
  if (WRAPPERS.has(name)) return appendGroup(node, "span", reader.argument(), depth);
  if (name === "sqrt") {
    node.append("√");
    return appendGroup(node, "span", reader.argument(), depth, "root");
  }
  return /^[dt]?frac$/.test(name) && appendFraction(node, reader, depth);
}

function appendFraction(node, reader, depth) {
  const fraction = element("span", "fraction");
  const ok = appendGroup(fraction, "span", reader.argument(), depth, "over");
  fraction.append(element("span", "unseen", "/"));
  node.append(fraction);
  return ok && appendGroup(fraction, "span", reader.argument(), depth, "under");
}

function appendGroup(node, name, content, depth, className = "") {
  if (content === null) return false;
  const group = element(name, className);
  node.append(group);
  return readInto(group, new Reader(content), depth + 1);
}
