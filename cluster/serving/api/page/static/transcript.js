// The parts of a solution: prose, code blocks, and what the interpreter printed after each of them.

const FENCE = { open: "```python\n", closing: /(^|\n)```[ \t]*(?=\n|$)/g, mark: "```" };
const ELEMENT = { open: "<code>\n", closing: /(^|\n)<\/code>[ \t]*(?=\n|$)/g, mark: "</code>" }; // `mario_html`
const OUTPUT = { ...FENCE, open: "```output\n" };
const LABELS = [
  { open: "Observation:", after: /\n\n(?=Thought:|Final Answer:|Action:)/ }, // `mario`
  { open: "Output:", after: /\n\n(?=<p>|<code>|Final Answer:)/ }, // `mario_html`
];
const PARAGRAPH = /<\/?p>\n?/g;

/**
 * Split the text of a solution, whole or as far as it has come.
 *
 * Returns a list of {kind: "prose" | "code" | "output", text, closed}. Output is only what follows a code block: a
 * fence of that name elsewhere was written by the policy, and is prose.
 */
export function split(text) {
  const parts = [];
  let position = 0;
  while (position < text.length) {
    const code = firstBlock(text, position);
    addProse(parts, text.slice(position, code ? code.start : text.length));
    if (!code) break;
    position = readBlock(parts, "code", text, code.start, code.syntax);
    position = readOutput(parts, text, position);
  }
  return parts;
}

function firstBlock(text, position) {
  const found = [FENCE, ELEMENT].map((syntax) => ({ syntax, start: text.indexOf(syntax.open, position) }));
  return found.filter((block) => block.start >= 0).sort((one, other) => one.start - other.start)[0];
}

function addProse(parts, text) {
  const prose = text.replace(PARAGRAPH, "").replace(/^\n+/, "").trimEnd();
  if (prose.trim()) parts.push({ kind: "prose", text: prose, closed: true });
}

/** Add the block that is opened at a position; returns the position after it. */
function readBlock(parts, kind, text, opened, syntax) {
  const start = opened + syntax.open.length;
  const found = nextClosing(text, start, syntax);
  const end = found ? found.index : text.length;
  const body = found ? text.slice(start, end) : withoutPartialMark(text.slice(start, end), syntax.mark);
  parts.push({ kind, text: body, closed: Boolean(found) });
  return found ? found.index + found[0].length : text.length;
}

function nextClosing(text, start, syntax) {
  if (text.startsWith(syntax.mark, start)) return { index: start, 0: syntax.mark }; // an empty block
  const closing = new RegExp(syntax.closing);
  closing.lastIndex = start;
  return closing.exec(text);
}

/** The text without a last line that may become the closing mark. */
function withoutPartialMark(text, mark) {
  const line = text.lastIndexOf("\n");
  const isPartial = line >= 0 && mark.startsWith(text.slice(line + 1)) && text.length - line - 1 < mark.length;
  return isPartial ? text.slice(0, line) : text;
}

/** Add the output after a code block, if there is one; returns the position after it. */
function readOutput(parts, text, position) {
  const rest = text.slice(position).replace(/^\s+/, "");
  const start = text.length - rest.length;
  if (rest.startsWith(OUTPUT.open)) return readBlock(parts, "output", text, start, OUTPUT);
  const label = LABELS.find((one) => rest.startsWith(one.open));
  if (label) return readLabelled(parts, text, start + label.open.length, label);
  const mayBecomeOutput = [OUTPUT, ...LABELS].some((one) => one.open.startsWith(rest));
  return mayBecomeOutput ? text.length : position; // the beginning of a mark is not shown
}

function readLabelled(parts, text, start, label) {
  const rest = text.slice(start);
  const found = label.after.exec(rest);
  parts.push({ kind: "output", text: (found ? rest.slice(0, found.index) : rest).trim(), closed: Boolean(found) });
  return found ? start + found.index : text.length;
}
