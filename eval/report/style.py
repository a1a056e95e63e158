"""The style sheet of a report, for light and dark, wide and narrow screens, and the colours of its categories."""

from store.records import Outcome

OUTCOMES = (
    (Outcome.ACCEPTED, "accepted", "green"),
    (Outcome.WRONG, "wrong", "red"),
    (Outcome.NO_ANSWER, "no answer", "amber"),
    (Outcome.TRUNCATED, "truncated", "blue"),
    (Outcome.REPETITIVE, "repeats itself", "teal"),
    (Outcome.UNPARSABLE, "code does not parse", "brown"),
    (Outcome.UNDECIDED, "undecided", "violet"),
    (Outcome.UNVERIFIABLE, "unverifiable", "pink"),
    (Outcome.FAULT, "system fault", "grey"),
)
"""Outcomes in the order in which they are stacked: (outcome, name, style class)."""

PHASES = (
    ("sample", "sampling", "blue"),
    ("score", "scoring solutions", "teal"),
    ("learn", "learning", "orange"),
    ("publish", "publishing", "violet"),
    ("swap", "swapping weights", "pink"),
    ("measure", "measuring", "green"),
)
"""Phases of an iteration in the order in which they are stacked: (key in its `seconds`, name, style class)."""

OTHER_PHASES = ("other", "grey")
"""(Name, style class) of all other phases together."""

CSS = """
:root {
  color-scheme: light dark;
  --page: #f7f7f4; --card: #ffffff; --ink: #1c1c1a; --soft: #62615c; --rule: #e3e2dc; --code: #f3f2ed;
  --accent: #2a78d6; --accent-text: #1f66bd; --good: #0b7a53; --bad: #c93a39;
  --green: #1baf7a; --red: #e34948; --amber: #e5a00d; --violet: #6a5bd0; --blue: #2a78d6; --grey: #8f8d86;
  --orange: #eb6834; --pink: #d96a95; --teal: #1595a3; --brown: #97694a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #141413; --card: #1e1e1c; --ink: #ecebe6; --soft: #a3a19a; --rule: #34332f; --code: #272622;
    --accent: #5b9cec; --accent-text: #7db1f2; --good: #3cc08d; --bad: #f07d7b;
    --green: #199e70; --red: #d95250; --amber: #c98a0a; --violet: #8a7de0; --blue: #3987e5; --grey: #7d7b75;
    --orange: #d95926; --pink: #cc6490; --teal: #128a97; --brown: #a87c5c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 64rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.015em; }
h2 { font-size: 1.25rem; margin: 3rem 0 .25rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .25rem 0 1rem; max-width: 46rem; }
.soft, figcaption, .legend { color: var(--soft); }
.small { font-size: .875rem; }
.card, figure {
  background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 1rem 1.25rem; margin: 0;
}
.headline { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; margin: 1.5rem 0 1rem; }
.headline .scores { font-size: clamp(2.2rem, 8vw, 3.4rem); font-weight: 650; line-height: 1.1; letter-spacing: -.02em; }
.headline .scores .from { color: var(--soft); font-weight: 400; }
.headline .gain { color: var(--good); font-weight: 600; }
.headline .gain.down { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.75rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.25; font-weight: 600; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
.grid > * { min-width: 0; }
figcaption { font-size: .875rem; margin-top: .35rem; }
svg { display: block; width: 100%; height: auto; margin-top: .5rem; overflow: visible; font-family: inherit; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem .9rem; font-size: .8125rem; margin-top: .5rem; }
.legend i { display: inline-block; width: .7rem; height: .7rem; border-radius: 3px; margin-right: .35rem; }
.legend .ring { border: 2px solid var(--accent); border-radius: 50%; }
.legend .ring.full { background: var(--accent); }
path.grid { stroke: var(--rule); fill: none; }
.tick { fill: var(--soft); font-size: 12px; }
.value { fill: var(--ink); font-size: 12px; font-weight: 600; }
.line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
.reference { fill: none; stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 4 3; }
.line.green, .dot.green { stroke: var(--green); }
.line.blue, .dot.blue { stroke: var(--blue); }
.line.violet, .dot.violet { stroke: var(--violet); }
.line.orange, .dot.orange { stroke: var(--orange); }
.line.grey, .dot.grey { stroke: var(--grey); }
.error { fill: none; stroke: var(--accent); stroke-width: 1.5; }
.band { fill: var(--accent); fill-opacity: .22; stroke: none; }
.dot { fill: var(--card); stroke: var(--accent); stroke-width: 2; }
.dot.marked { fill: var(--accent); }
.bar { stroke: var(--card); stroke-width: 1; }
.bar.green { fill: var(--green); } i.green { background: var(--green); }
.bar.red { fill: var(--red); } i.red { background: var(--red); }
.bar.amber { fill: var(--amber); } i.amber { background: var(--amber); }
.bar.violet { fill: var(--violet); } i.violet { background: var(--violet); }
.bar.blue { fill: var(--blue); } i.blue { background: var(--blue); }
.bar.grey { fill: var(--grey); } i.grey { background: var(--grey); }
.bar.orange { fill: var(--orange); } i.orange { background: var(--orange); }
.bar.pink { fill: var(--pink); } i.pink { background: var(--pink); }
.bar.teal { fill: var(--teal); } i.teal { background: var(--teal); }
.bar.brown { fill: var(--brown); } i.brown { background: var(--brown); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .45rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th { color: var(--soft); font-weight: 500; font-size: .8125rem; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
tr:last-child td { border-bottom: 0; }
tr.served td { font-weight: 600; }
.promotions td:last-child, .promotions th:last-child { text-align: left; white-space: normal; min-width: 11rem; }
.promotions th, .promotions td { padding: .4rem .3rem; }
svg.interval { width: 6rem; margin: 0; color: var(--soft); }
svg.interval.up { color: var(--good); }
svg.interval.down { color: var(--bad); }
svg.interval line { stroke: currentColor; stroke-width: 2; }
svg.interval circle { fill: currentColor; }
svg.interval line.zero { stroke: var(--rule); stroke-width: 1.5; }
.pill {
  display: inline-block; font-size: .75rem; font-weight: 600; line-height: 1; padding: .25rem .5rem;
  border-radius: 99px; border: 1px solid currentColor; color: var(--soft); white-space: nowrap;
}
.pill.accepted { color: var(--good); }
.pill.wrong { color: var(--bad); }
.alarm { border-color: var(--bad); }
.solution { display: flex; flex-direction: column; gap: .6rem; }
.solution header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem .75rem; }
.question { font-weight: 550; white-space: pre-wrap; overflow-wrap: anywhere; }
.prose { white-space: pre-wrap; overflow-wrap: anywhere; }
pre {
  margin: 0; padding: .65rem .85rem; border-radius: 8px; background: var(--code); overflow-x: auto;
  font: .84rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
.part {
  font-size: .6875rem; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); margin-bottom: .15rem;
}
.output pre { background: transparent; border: 1px dashed var(--rule); color: var(--soft); }
.answers { font-size: .875rem; color: var(--soft); margin-top: auto; overflow-wrap: anywhere; }
.answers b { color: var(--ink); }
details { margin-top: 1rem; }
summary { cursor: pointer; font-weight: 550; }
details pre { margin-top: .75rem; max-height: 32rem; overflow: auto; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
@media print { body { background: #fff; } figure, .card { break-inside: avoid; } }
"""
