"use strict";
// Lists the samples, filters them, and opens one. All data enters the page through textContent.
(function () {
  const data = document.getElementById("sample-data");
  if (!data) return;
  const PAGE_SIZE = 50;
  const samples = JSON.parse(data.textContent);
  const body = document.querySelector("#sample-table tbody");
  const more = document.getElementById("more");
  const tally = document.getElementById("tally");
  const filters = ["model", "prompt", "result", "text"].map((name) => document.getElementById("filter-" + name));
  const severalScorers = samples.some((sample) => sample.scores.length > 1);
  const repeated = samples.some((sample) => sample.repeat > 0);
  let matching = samples;
  let shown = 0;

  function make(tag, className, ...content) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...content.filter((part) => part !== null && part !== undefined));
    return element;
  }

  function long(value, className) {
    const box = make("div", "", make("p", className || "text", value.text));
    if (value.more) box.append(make("p", "cut-note", value.more.toLocaleString("en") + " more characters are not shown."));
    return box;
  }

  function list(className, pairs) {
    return make("dl", className, ...pairs.map(([name, value]) => make("div", "", make("dt", "", name), make("dd", "", value))));
  }

  function answer(sample, className) {
    const box = make("p", className);
    if (sample.prefill) {
      const mark = make("mark", "prefill", sample.prefill);
      mark.title = "prefill: sent with the request, not written by the model";
      box.append(mark);
    }
    box.append(sample.answer.text || (sample.prefill ? "" : "–"));
    return box;
  }

  function asked(sample) {
    const users = sample.turns.filter((turn) => turn.role === "user");
    return users.length ? users[users.length - 1].text : "–";
  }

  function result(sample) {
    const grades = sample.scores.filter((score) => score.passed === null && score.value !== "–")
      .map((score) => (severalScorers ? score.scorer + " " : "") + score.value);
    const words = sample.outcome === "graded" ? grades.join(", ") : sample.outcome;
    const box = make("div", "", make("span", "badge " + sample.outcome, words));
    if (sample.status !== "ok") box.append(make("span", "status", sample.status));
    return box;
  }

  function pair(sample) {
    const score = sample.decided === null ? null : sample.scores[sample.decided];
    if (!score) return "–";
    const name = severalScorers ? make("p", "scorer", score.scorer + ":") : null;
    if (!score.expected && !score.extracted) {
      const words = score.label || (score.explanation && score.explanation.text) || "–";
      return make("div", "", name, make("span", "clamp", words));
    }
    const told = list("pair", [
      ["expected", make("span", "clamp", score.expected ? score.expected.text : "–")],
      ["found", make("span", "clamp", score.extracted ? score.extracted.text : "–")],
    ]);
    return make("div", "", name, told);
  }

  function where(sample) {
    const again = repeated ? "repeat " + (sample.repeat + 1) : "";
    return [sample.model, sample.prompt, sample.params, again].filter(Boolean).join(" · ");
  }

  function cell(name, content, className) {
    const box = make("td", className || "", content);
    box.dataset.name = name;
    return box;
  }

  function row(sample) {
    const open = make("button", "open", sample.row);
    open.type = "button";
    open.setAttribute("aria-expanded", "false");
    const head = make("th", "", open, make("span", "where", where(sample)));
    head.scope = "row";
    const line = make("tr", "",
      head,
      cell("Asked", make("div", "clamp", asked(sample))),
      cell("Answer", sample.error && !sample.answer.text ? make("div", "clamp", sample.error.text) : answer(sample, "clamp")),
      cell("Expected and found", pair(sample)),
      cell("Result", result(sample)),
      cell("Tokens", sample.input + " + " + sample.output, "number"),
      cell("Cost", sample.cost, "number"),
      cell("Latency", sample.latency, "number"));
    let detail = null;
    open.addEventListener("click", () => {
      const opening = open.getAttribute("aria-expanded") !== "true";
      open.setAttribute("aria-expanded", String(opening));
      if (!opening) { detail.remove(); return; }
      detail = detail || expanded(sample);
      line.after(detail);
    });
    return line;
  }

  function turn(title, kind, content) {
    return make("div", "turn " + kind, make("h4", "", title), content);
  }

  function expanded(sample) {
    const parts = sample.turns.map((one) => turn(one.role, "", long(one)));
    if (sample.thinking) {
      parts.push(make("details", "", make("summary", "", "Thinking"), long(sample.thinking)));
    }
    const words = answer(sample, "text");
    const box = make("div", "", words);
    if (sample.answer.more) box.append(make("p", "cut-note", sample.answer.more.toLocaleString("en") + " more characters are not shown."));
    parts.push(turn("answer", "answer", box));
    if (sample.error) parts.push(turn("error", "trouble", long(sample.error, "text code")));
    sample.scores.forEach((score) => parts.push(scored(score)));
    parts.push(list("facts", [
      ["status", sample.status], ["stop reason", sample.stop || "–"], ["repeat", String(sample.repeat)],
      ["attempts", String(sample.attempts)], ["input tokens", sample.input], ["output tokens", sample.output], ["job", sample.job],
    ]));
    const inside = make("td", "", ...parts);
    inside.colSpan = 8;
    return make("tr", "detail", inside);
  }

  function scored(score) {
    const verdict = score.passed === null ? (score.value === "–" ? score.status : score.value) : score.passed ? "right" : "wrong";
    const pairs = [["result", score.label ? verdict + " (" + score.label + ")" : verdict]];
    if (score.expected) pairs.push(["expected", long(score.expected)]);
    if (score.extracted) pairs.push(["found", long(score.extracted)]);
    if (score.explanation) pairs.push(["because", long(score.explanation)]);
    return make("div", "turn", make("h4", "", "score: " + score.scorer), list("pair", pairs));
  }

  function haystack(sample) {
    if (sample.all === undefined) {
      const texts = [sample.row, sample.job, sample.prefill + sample.answer.text, sample.error && sample.error.text, sample.stop];
      sample.turns.forEach((one) => texts.push(one.text));
      sample.scores.forEach((one) => [one.expected, one.extracted, one.explanation].forEach((part) => texts.push(part && part.text)));
      sample.all = texts.filter(Boolean).join("\n").toLowerCase();
    }
    return sample.all;
  }

  function showMore() {
    const next = matching.slice(shown, shown + PAGE_SIZE);
    body.append(...next.map(row));
    shown += next.length;
    more.hidden = shown >= matching.length;
    const number = (value) => value.toLocaleString("en");
    tally.textContent = matching.length === 0 ? "No sample matches."
      : number(matching.length) + (matching.length === 1 ? " sample" : " samples") + (matching.length < samples.length ? " of " + number(samples.length) : "")
        + (shown < matching.length ? ", the first " + number(shown) + " shown" : "");
  }

  function apply() {
    const [model, prompt, outcome, text] = filters.map((filter) => filter.value);
    const wanted = text.trim().toLowerCase();
    const [kind, value] = outcome ? [outcome.slice(0, outcome.indexOf(":")), outcome.slice(outcome.indexOf(":") + 1)] : [null, null];
    matching = samples.filter((sample) =>
      (!model || sample.model === model) && (!prompt || sample.prompt === prompt)
      && (!kind || sample[kind] === value) && (!wanted || haystack(sample).includes(wanted)));
    shown = 0;
    body.replaceChildren();
    showMore();
  }

  let pending = 0;
  filters.forEach((filter) => filter.addEventListener("input", () => {
    clearTimeout(pending);
    pending = setTimeout(apply, filter.type === "search" ? 120 : 0);
  }));
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", showMore);
  apply();
})();
