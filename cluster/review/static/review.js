// What the pages do beyond links and forms: keys, the focus after a change, and a warning before an edit is lost.
// Every element with `data-key` is activated by one of its keys, so that what is on the page and the keys agree.
"use strict";

const help = () => document.querySelector("#help");
const isBusy = () => document.querySelector("#work .htmx-request:not([hx-trigger])") !== null;
const editor = () => document.querySelector("[data-dirty]");
const isDirty = () => editor() !== null && editor().value !== editor().defaultValue;

function elementOf(key) {
  return [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key.split(" ").includes(key));
}

function activate(element) {
  if (element.matches("[data-help]")) return help().showModal();
  if (element.matches("textarea, input")) return element.focus();
  element.click();
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, select, textarea");
  if (isTyping) return typing(event);
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || help()?.open) return;
  const element = elementOf(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!element) return;
  event.preventDefault();
  // While an answer is awaited, the page still shows the item before: a key would decide on one that was not seen.
  if (!isBusy()) activate(element);
});

function typing(event) {
  if (event.key === "Escape") event.target.blur();
  if (event.key === "Enter" && event.ctrlKey) {
    event.preventDefault();
    document.querySelector("[data-run]")?.click();
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) help().showModal();
});

// ---------------------------------------------------------------- edits

window.addEventListener("beforeunload", (event) => {
  if (isDirty()) event.preventDefault();
});

const LEAVES = "[data-cancel], [data-key='k p'], [data-key='j n'], [data-key='z'], [name=verdict]";

document.addEventListener("click", (event) => {
  const leaves = event.target.closest(LEAVES);
  if (leaves && isDirty() && !confirm("The edited solution is not stored. Drop it?")) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

// ---------------------------------------------------------------- changes of the page

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.requestConfig.path.endsWith("/hold")) document.querySelector("#notices").replaceChildren();
});

document.addEventListener("htmx:afterSettle", (event) => {
  const target = event.detail.target;
  if (target.id === "solutions") return target.querySelector("textarea").focus();
  const heading = document.querySelector("#work h1");
  if (heading && event.detail.elt.id === "work") {
    window.scrollTo(0, 0);
    heading.focus({ preventScroll: true });
  }
});

document.addEventListener("htmx:sendError", () => {
  const notice = document.createElement("div");
  notice.className = "notice problem";
  notice.textContent = "The server does not answer. Nothing was stored; try again once it does.";
  document.querySelector("#notices").replaceChildren(notice);
});
