// The parts of a solution: prose, code blocks, and what the interpreter printed after each of them.

const CODE = "```python\n";
const OUTPUT = "```output\n";
const OBSERVATION = "Observation:"; // MARIO's format
const AFTER_OBSERVATION = /\n\n(?=Thought:|Final Answer:|Action:)/;

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
    const code = text.indexOf(CODE, position);
    addProse(parts, text.slice(position, code < 0 ? text.length : code));
    if (code < 0) break;
    position = readFence(parts, "code", text, code + CODE.length);
    position = readOutput(parts, text, position);
  }
  return parts;
}

function addProse(parts, text) {
  if (text.trim()) parts.push({ kind: "prose", text: text.replace(/^\n+/, "").trimEnd(), closed: true });
}

/** Add the block that begins at a position; returns the position after it. */
function readFence(parts, kind, text, start) {
  const closing = /(^|\n)```[ \t]*(?=\n|$)/g;
  closing.lastIndex = start;
  const found = nextClosing(closing, text, start);
  const end = found ? found.index : text.length;
  const body = found ? text.slice(start, end) : text.slice(start, end).replace(/\n`{0,2}$/, "");
  parts.push({ kind, text: body, closed: Boolean(found) });
  return found ? found.index + found[0].length : text.length;
}

function nextClosing(closing, text, start) {
  if (text.startsWith("```", start)) return { index: start, 0: "```" }; // an empty block
  return closing.exec(text);
}

/** Add the output after a code block, if there is one; returns the position after it. */
function readOutput(parts, text, position) {
  const rest = text.slice(position).replace(/^\s+/, "");
  const start = text.length - rest.length;
  if (rest.startsWith(OUTPUT)) return readFence(parts, "output", text, start + OUTPUT.length);
  if (rest.startsWith(OBSERVATION)) return readObservation(parts, text, start + OBSERVATION.length);
  return OUTPUT.startsWith(rest) ? text.length : position; // the beginning of a fence is not shown
}

function readObservation(parts, text, start) {
  const rest = text.slice(start);
  const found = AFTER_OBSERVATION.exec(rest);
  parts.push({ kind: "output", text: (found ? rest.slice(0, found.index) : rest).trim(), closed: Boolean(found) });
  return found ? start + found.index : text.length;
}
