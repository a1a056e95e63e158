// Untrusted text as nodes. Nothing here, or anywhere on this page, parses text as HTML.

// Characters that are not seen but change what is: terminal escapes, other controls, and overrides of the direction.
const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** An element with a class and children, which are nodes or text. */
export function element(name, className = "", ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Append text to an element. Characters that are not seen are shown by their code points. */
export function appendText(parent, text) {
  let from = 0;
  for (const found of text.matchAll(UNSEEN)) {
    if (found.index > from) parent.append(text.slice(from, found.index));
    parent.append(element("span", "unseen-character", codePoint(found[0])));
    from = found.index + found[0].length;
  }
  if (from < text.length) parent.append(text.slice(from));
}

function codePoint(character) {
  const code = character.codePointAt(0);
  if (code === 0x1b) return "ESC";
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
