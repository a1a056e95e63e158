// What the pages do beyond links and forms: a live page refreshes itself, j and k move, and tokens show their numbers.
"use strict";

const notice = document.querySelector(".notice");

function say(text, isProblem = false) {
  notice.textContent = text;
  notice.classList.toggle("problem", isProblem);
  notice.hidden = !text;
}

// ---------------------------------------------------------------- a live page

const main = document.querySelector("main");
const refreshMs = 1000 * Number(main.dataset.refreshS || 0);
let tag = null;

async function refresh() {
  const response = await fetch(location.href, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
  if (response.status === 401) location.reload(); // the session ended: the page asks for the token
  if (response.status === 304) return say("");
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const content = page.querySelector("main");
  const showsOutage = main.querySelector(".message");
  if (!response.ok) {
    if (showsOutage) content && replaceContent(content);
    else say(content?.querySelector(".message")?.textContent || `the server answered ${response.status}`, true);
    return;
  }
  if (showsOutage) return location.reload(); // the page that was asked for, which may not be a live one
  tag = response.headers.get("ETag");
  say("");
  document.title = page.title;
  replaceContent(content);
}

function replaceContent(content) {
  const open = [...main.querySelectorAll("details")].map((one) => one.open);
  const scrolled = [...main.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  main.replaceChildren(...content.childNodes);
  main.querySelectorAll("details").forEach((one, i) => { one.open = open[i] ?? one.open; });
  main.querySelectorAll(".scroll").forEach((one, i) => { one.scrollLeft = scrolled[i] ?? 0; });
}

async function keepFresh() {
  try {
    const isReading = !getSelection().isCollapsed; // replacing the content would drop a selection
    if (!document.hidden && !isReading) await refresh();
  } catch {
    say("the server does not answer; the page will go on once it does", true);
  }
  setTimeout(keepFresh, refreshMs);
}

if (refreshMs) setTimeout(keepFresh, refreshMs);

// ---------------------------------------------------------------- keys

function moveInList(step) {
  const links = [...document.querySelectorAll(".row .main")];
  const here = links.indexOf(document.activeElement);
  const target = links[here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step];
  if (target) target.focus();
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, select, textarea");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { j: 1, k: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const beside = document.querySelector("main .attempt") && document.querySelector(`a[rel=${step > 0 ? "next" : "prev"}]`);
  if (document.querySelector("main .attempt")) beside?.click();
  else moveInList(step);
});

// ---------------------------------------------------------------- tokens

let shown = null;

function showToken(token) {
  shown?.classList.remove("here");
  shown = token;
  if (token) token.classList.add("here");
  say(token ? token.title : "");
}

for (const text of document.querySelectorAll("[data-tokens]")) {
  const tokens = [...text.querySelectorAll(".t")];
  text.addEventListener("pointerover", (event) => showToken(event.target.closest(".t")));
  text.addEventListener("pointerleave", () => showToken(null));
  text.addEventListener("blur", () => showToken(null));
  text.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const here = shown && text.contains(shown) ? tokens.indexOf(shown) + step : 0;
    showToken(tokens[Math.min(Math.max(here, 0), tokens.length - 1)]);
    shown?.scrollIntoView({ block: "nearest" });
  });
}
