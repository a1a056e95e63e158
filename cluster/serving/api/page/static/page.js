// The page: asks for solutions, shows them while they stream, and keeps what was asked in this tab.

import { ApiError, hasToken, isCollecting, models, setToken, solve } from "./api.js";
import { load, save } from "./history.js";
import { offerModels, requests, summary } from "./settings.js";
import { apply, newRecord, SolutionView } from "./solution.js";
import { appendText, element } from "./text.js";

const EXAMPLES = [
  "What is 12 * 34?",
  "How many primes are there below 1000?",
  "What is gcd(98, 58) + lcm(12, 18)?",
  "A train covers 180 km in 2.5 hours. What is its average speed in km/h?",
];

const of = (id) => document.getElementById(id);
const history = load();
let running = null; // the AbortController of the solutions under way
let collecting = false;

function announce(text) {
  of("status").textContent = text;
}

function showProblem(message) {
  of("problem").hidden = !message;
  of("problem").textContent = message;
}

/** Ask the server what it serves; without a token that it needs, ask for one. */
async function connect() {
  try {
    offerModels(await models());
    collecting = await isCollecting();
  } catch (error) {
    if (error.status === 401) askForToken(error);
    else showProblem(error.message);
    return;
  }
  of("token-form").hidden = true;
  of("ask-form").hidden = false;
  of("collecting").hidden = !collecting;
  of("forget-token").hidden = !hasToken();
  showProblem("");
}

function askForToken(error) {
  of("token-reason").textContent = hasToken()
    ? `The server refused it: ${error.message}.`
    : "This server answers only those who show its token.";
  of("token-form").hidden = false;
  of("ask-form").hidden = true;
  of("token").focus();
}

async function useToken(event) {
  event.preventDefault();
  const token = of("token").value.trim();
  if (!token) return;
  setToken(token);
  of("token").value = "";
  await connect();
  if (of("token-form").hidden) of("question").focus();
}

async function forgetToken() {
  setToken(null);
  await connect();
}

/** Solve the question in the box, by one version or by two. */
async function ask() {
  const question = of("question").value.trim();
  if (running || !question) {
    if (!running) of("question").focus();
    return;
  }
  showProblem("");
  running = new AbortController();
  setBusy(true);
  const wanted = requests();
  const entry = { question, records: wanted.map(({ label, body }) => newRecord(label, body.model)) };
  const keptOut = collecting && of("keep-out").checked;
  entry.records.forEach((record) => (record.kept = collecting && !keptOut));
  const views = show(entry);
  announce("Solving");
  const messages = [{ role: "user", content: question }];
  const bodies = wanted.map(({ body }) => ({ ...body, messages, ...(keptOut && { store: false }) }));
  try {
    await Promise.all(bodies.map((body, i) => run(body, views[i], running.signal)));
  } finally {
    running = null;
    setBusy(false);
  }
  remember(entry);
  announce(entry.records.map(spoken).join(". "));
}

function setBusy(busy) {
  of("solve").disabled = busy;
  of("stop").hidden = !busy;
}

/** Stream one solution into its view. Its record says how it ended. */
async function run(body, view, signal) {
  const { record } = view;
  const started = performance.now();
  let frame = 0;
  const draw = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      view.update();
    });
  };
  try {
    for await (const chunk of solve(body, signal)) {
      apply(record, chunk);
      draw();
    }
    if (!record.end) throw new ApiError("The stream ended before the solution did.", 0);
    record.end.seconds = (performance.now() - started) / 1000;
    record.state = "done";
  } catch (error) {
    fail(record, error);
  }
  cancelAnimationFrame(frame);
  view.update();
}

function fail(record, error) {
  if (error.name === "AbortError") {
    record.state = "stopped";
    return;
  }
  if (!(error instanceof ApiError)) throw error;
  record.state = "failed";
  record.error = error.message;
  if (error.status === 401) askForToken(error);
}

function spoken({ state, end, error, label }) {
  if (state === "done") return end.answer === null ? `${label}: no answer` : `${label}: the answer is ${end.answer}`;
  return state === "stopped" ? `${label}: stopped` : `${label}: ${error}`;
}

/** Show the solutions of an entry; returns their views. */
function show(entry) {
  const onChange = () => save(history);
  const views = entry.records.map((record) => new SolutionView(record, { collecting, announce, onChange }));
  const question = asked("p", entry.question);
  const side = element("div", views.length > 1 ? "columns" : "", ...views.map(({ node }) => node));
  of("results").replaceChildren(question, side);
  const { top } = of("results").getBoundingClientRect();
  if (top > innerHeight * 0.6) of("results").scrollIntoView();
  return views;
}

function asked(name, question) {
  const made = element(name, "asked");
  appendText(made, question);
  return made;
}

function remember(entry) {
  history.unshift(entry);
  history.splice(20);
  save(history);
  drawHistory();
}

function drawHistory() {
  of("history").hidden = history.length === 0;
  of("history-list").replaceChildren(...history.map(historyItem));
}

function historyItem(entry) {
  const answers = entry.records.map(({ end, state }) => end?.answer ?? (state === "done" ? "no answer" : state));
  const outcome = element("span", "soft");
  appendText(outcome, answers.join(" / "));
  const item = element("button", "quiet", asked("span", entry.question), outcome);
  item.type = "button";
  item.addEventListener("click", () => {
    if (running) return;
    of("question").value = entry.question;
    show(entry);
    of("results").scrollIntoView();
  });
  return element("li", "", item);
}

function clearHistory() {
  history.length = 0;
  save(history);
  drawHistory();
  of("question").focus();
}

function drawExamples() {
  const chips = EXAMPLES.map((text) => {
    const chip = element("button", "chip", text);
    chip.type = "button";
    chip.addEventListener("click", () => {
      of("question").value = text;
      of("question").focus();
    });
    return chip;
  });
  of("examples").replaceChildren(...chips);
}

function onKey(event) {
  if (event.key === "Escape" && running) running.abort();
  const sends = event.key === "Enter" && (event.ctrlKey || event.metaKey);
  if (sends && of("ask-form").contains(event.target)) {
    event.preventDefault();
    ask();
  }
}

drawExamples();
drawHistory();
of("settings-note").textContent = summary();
of("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
of("settings").addEventListener("input", () => (of("settings-note").textContent = summary()));
of("stop").addEventListener("click", () => running?.abort());
of("token-form").addEventListener("submit", useToken);
of("forget-token").addEventListener("click", forgetToken);
of("clear-history").addEventListener("click", clearHistory);
document.addEventListener("keydown", onKey);
connect();
