// One solution on the page: its text as it streams, its answer, what its code did, and its rating.

import { appendCode } from "./python.js";
import { appendProse, formula } from "./math.js";
import { RatingForm } from "./rating.js";
import { appendText, element } from "./text.js";
import { split } from "./transcript.js";

const LONG = 30; // characters of an answer that is set smaller
const LABELS = { code: "Python", output: "Output" };

/** The state of a solution, as it is kept in the history of the tab. */
export function newRecord(label, model) {
  return { label, model, text: "", state: "running", id: null, version: null, end: null, error: null, rating: null };
}

/**
 * Shows a record, which `update` draws again after it has changed.
 *
 * States: running, done, stopped, failed.
 */
export class SolutionView {
  constructor(record, { collecting, announce, onChange }) {
    this.record = record;
    this.announce = announce;
    this.drawn = []; // {kind, text, closed, node} of each part
    this.title = element("h2", "", record.label);
    this.state = element("span", "state");
    this.parts = element("div", "parts");
    this.result = element("div", "result");
    this.result.setAttribute("aria-live", "polite");
    const header = element("header", "", this.title, this.state);
    this.node = element("article", "card solution", header, this.parts, this.result);
    this.node.setAttribute("aria-label", `Solution by ${record.label}`);
    this.rating = collecting ? new RatingForm(record, { announce, onChange }) : null;
    if (this.rating) this.node.append(this.rating.node);
    this.update();
  }

  /** Draw what has changed. */
  update() {
    const parts = split(this.record.text);
    const running = this.record.state === "running";
    this.node.setAttribute("aria-busy", String(running));
    parts.forEach((part, i) => this.drawPart(part, i));
    this.drawn.splice(parts.length).forEach(({ node }) => node.remove());
    const last = parts.at(-1);
    const codeRuns = running && last?.kind === "code" && last.closed;
    this.parts.classList.toggle("writing", running && !codeRuns);
    this.drawState(codeRuns);
    if (!running) this.drawResult();
  }

  drawPart(part, i) {
    const before = this.drawn[i];
    if (before && before.kind === part.kind && before.text === part.text) return;
    const node = before?.kind === part.kind ? before.node : newPart(part.kind);
    const content = node.querySelector(".content");
    content.replaceChildren();
    if (part.kind === "prose") appendProse(content, part.text);
    else if (part.kind === "code") appendCode(content, part.text);
    else appendText(content, part.text || "nothing was printed");
    content.classList.toggle("empty", part.kind === "output" && !part.text);
    if (before && before.node !== node) before.node.replaceWith(node);
    else if (!before) this.parts.append(node);
    this.drawn[i] = { ...part, node };
  }

  drawState(codeRuns) {
    const { state } = this.record;
    const words = { done: "", stopped: "Stopped", failed: "Failed" };
    const text = state === "running" ? (codeRuns ? "Running the code" : "Writing") : words[state];
    if (this.state.textContent === text) return;
    this.state.textContent = text;
    this.state.className = `state ${state}`;
    if (codeRuns) this.announce("Running the code");
  }

  drawResult() {
    const { end, error, state } = this.record;
    this.result.replaceChildren();
    if (error) this.result.append(notice(error, "bad", "alert"));
    if (state === "done") {
      this.result.append(end.answer === null ? noAnswer(end) : answerLine(end.answer));
      this.result.append(element("p", "soft small facts", facts(this.record)));
    }
    this.rating?.update();
  }
}

function newPart(kind) {
  if (kind === "prose") return element("div", "part prose", element("div", "content"));
  const content = element(kind === "code" ? "code" : "samp", "content");
  const block = element("pre", "", content);
  block.tabIndex = 0;
  block.setAttribute("role", "group");
  block.setAttribute("aria-label", LABELS[kind]);
  const label = element("div", "label", LABELS[kind]);
  label.setAttribute("aria-hidden", "true");
  return element("div", `part ${kind}`, label, block);
}

function answerLine(answer) {
  return element("p", answer.length > LONG ? "answer long" : "answer", element("span", "soft", "Answer "), formula(answer));
}

function noAnswer(end) {
  if (end.finish === "length") return notice("Cut off at the limit of tokens, without an answer.", "");
  return notice("It ended without an answer.", "");
}

function notice(text, kind, role) {
  const made = element("p", `notice ${kind}`);
  appendText(made, text);
  if (role) made.setAttribute("role", role);
  return made;
}

/** Version, tokens and time, and how the code blocks went. */
function facts({ version, end }) {
  const known = [];
  if (version !== null) known.push(`version ${version}`);
  if (end.tokens !== null) known.push(`${end.tokens} tokens`);
  known.push(`${end.seconds.toFixed(1)} s`);
  if (end.blocks) {
    const failed = end.failed ? `, ${end.failed} failed` : "";
    known.push(`${end.blocks} ${end.blocks === 1 ? "block" : "blocks"} of code${failed}`);
  }
  return known.join(" · ");
}

/** Apply a chunk of the stream to a record. */
export function apply(record, chunk) {
  record.id = chunk.id;
  if (chunk.usage && record.end) record.end.tokens = chunk.usage.completion_tokens;
  const choice = chunk.choices[0];
  if (!choice) return;
  record.text += choice.delta.content ?? "";
  if (!choice.finish_reason) return;
  const { answer = null, executions = [], policy_version: version = null } = choice.automathes ?? {};
  record.version = version;
  record.end = {
    answer,
    finish: choice.finish_reason,
    blocks: executions.length,
    failed: executions.filter(({ status }) => status !== "ok").length,
    tokens: null,
    seconds: 0,
  };
}
