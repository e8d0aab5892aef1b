"use strict";
// Elements that the list and the single sample share. All data enters the page through text nodes.
const Parts = (function () {
  function make(tag, className, ...content) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...content.filter((part) => part !== null && part !== undefined));
    return element;
  }

  // Text of whatever script: its own direction, not the page's.
  function words(tag, className, text) {
    const element = make(tag, className, text);
    element.dir = "auto";
    return element;
  }

  function button(className, text, act) {
    const element = make("button", className, text);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  }

  function count(value) {
    return value === null || value === undefined ? "–" : value.toLocaleString("en");
  }

  function cutNote(more) {
    return more ? make("p", "cut-note", count(more) + " more characters are not shown.") : null;
  }

  function long(value, className) {
    return make("div", "", words("p", className || "text", value.text), cutNote(value.more));
  }

  function list(className, pairs) {
    return make("dl", className, ...pairs.map(([name, value]) => make("div", "", make("dt", "", name), make("dd", "", value))));
  }

  function prefilled(sample) {
    if (!sample.prefill) return null;
    const mark = make("mark", "prefill", sample.prefill);
    mark.title = "prefill: sent with the request, not written by the model";
    return mark;
  }

  function answerText(sample) {
    const box = make("p", "text", prefilled(sample));
    box.dir = "auto";
    box.append(sample.answer.text || (sample.prefill || sample.tools ? "" : "–"));
    return box;
  }

  function badge(sample, severalScorers) {
    const grades = sample.scores.filter((score) => score.passed === null && score.value !== "–")
      .map((score) => (severalScorers ? score.scorer + " " : "") + score.value);
    const box = make("div", "", make("span", "badge " + sample.outcome, sample.outcome === "graded" ? grades.join(", ") : sample.outcome));
    if (sample.status !== "ok") box.append(make("span", "status", sample.status));
    return box;
  }

  function where(sample) {
    const again = sample.repeat > 0 ? "repeat " + (sample.repeat + 1) : "";
    return [sample.model, sample.prompt, sample.params, again].filter(Boolean).join(" · ");
  }

  return { answerText, badge, button, count, cutNote, list, long, make, prefilled, where, words };
})();
