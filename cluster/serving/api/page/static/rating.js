// The rating of a solution, on servers that collect feedback.

import { sendFeedback } from "./api.js";
import { element } from "./text.js";

let forms = 0;

/** Two buttons, and after one of them was pressed fields for the right answer and a comment. */
export class RatingForm {
  constructor(record, { announce, onChange }) {
    this.record = record;
    this.announce = announce;
    this.onChange = onChange;
    const number = ++forms;
    this.right = this.button("Correct", 1);
    this.wrong = this.button("Wrong", -1);
    this.answer = element("input");
    this.answer.maxLength = 1000;
    this.answer.autocomplete = "off";
    this.comment = element("textarea");
    this.comment.rows = 2;
    this.comment.maxLength = 4000;
    this.state = element("span", "soft small");
    this.state.setAttribute("role", "status");
    const send = element("button", "", "Send");
    this.details = element(
      "form", "details",
      field(`answer-${number}`, "The right answer", this.answer),
      field(`comment-${number}`, "Comment", this.comment),
      send,
    );
    this.details.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send(this.record.rating.rating);
    });
    const buttons = element("div", "buttons", element("span", "soft small", "Is it right?"), this.right, this.wrong, this.state);
    buttons.setAttribute("role", "group");
    buttons.setAttribute("aria-label", "Rating");
    this.node = element("div", "rating", buttons, this.details);
    this.answer.value = record.rating?.answer ?? "";
    this.comment.value = record.rating?.comment ?? "";
    this.update();
  }

  /** Show the form once there is something to rate, and what was rated. */
  update() {
    const { rating, state, kept } = this.record;
    this.node.hidden = state !== "done" || !kept;
    this.details.hidden = !rating;
    this.right.setAttribute("aria-pressed", String(rating?.rating === 1));
    this.wrong.setAttribute("aria-pressed", String(rating?.rating === -1));
  }

  button(text, rating) {
    const made = element("button", rating > 0 ? "good" : "bad", element("span", "", rating > 0 ? "✓ " : "✗ "), text);
    made.firstChild.setAttribute("aria-hidden", "true");
    made.type = "button";
    made.addEventListener("click", () => this.send(rating));
    return made;
  }

  async send(rating) {
    const [answer, comment] = [this.answer.value.trim(), this.comment.value.trim()];
    this.say("Sending");
    try {
      await sendFeedback({ id: this.record.id, choice: 0, rating, answer: answer || null, comment: comment || null });
    } catch (error) {
      this.say(error.message, true);
      return;
    }
    this.record.rating = { rating, answer, comment };
    this.onChange();
    this.update();
    this.say("Saved");
  }

  say(text, isError = false) {
    this.state.textContent = text;
    this.state.classList.toggle("error", isError);
  }
}

function field(id, text, control) {
  const label = element("label", "", text);
  label.htmlFor = control.id = id;
  return element("div", "field", label, control);
}
