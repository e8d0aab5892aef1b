"use strict";
// The list of samples: a table with a line for each, and a button that opens it.
const Lines = (function () {
  const { badge, count, list, make, where, words } = Parts;

  function asked(sample) {
    const users = sample.turns.filter((turn) => turn.role === "user");
    const last = users.length ? users[users.length - 1] : sample.turns[sample.turns.length - 1];
    return last ? last.text : "–";
  }

  function answered(sample) {
    if (sample.error && !sample.answer.text) return words("p", "clamp", sample.error.text);
    const box = words("p", "clamp", Parts.prefilled(sample));
    box.append(sample.answer.text || (sample.tools ? sample.tools.text : sample.prefill ? "" : "–"));
    return box;
  }

  function pair(sample, severalScorers) {
    const score = sample.decided === null ? null : sample.scores[sample.decided];
    if (!score) return "–";
    const name = severalScorers ? make("p", "scorer", score.scorer + ":") : null;
    if (!score.expected && !score.extracted) {
      const told = score.label || (score.explanation && score.explanation.text) || "–";
      return make("div", "", name, words("span", "clamp", told));
    }
    const told = list("pair", [
      ["expected", words("span", "clamp", score.expected ? score.expected.text : "–")],
      ["found", words("span", "clamp", score.extracted ? score.extracted.text : "–")],
    ]);
    return make("div", "", name, told);
  }

  function tokens(sample) {
    return sample.input === null && sample.output === null ? "–" : count(sample.input) + " + " + count(sample.output);
  }

  function cell(name, content, className) {
    const box = make("td", className || "", content);
    box.dataset.name = name;
    return box;
  }

  function line(sample, severalScorers, open) {
    const opener = Parts.button("open", sample.row, () => open(sample.job));
    opener.dir = "auto";
    const head = make("th", "", opener, words("span", "where", where(sample)));
    head.scope = "row";
    const row = make("tr", "",
      head,
      cell("Asked", words("div", "clamp", asked(sample))),
      cell("Answer", answered(sample)),
      cell("Expected and found", pair(sample, severalScorers)),
      cell("Result", badge(sample, severalScorers)),
      cell("Tokens in + out", tokens(sample), "number"),
      cell("Cost", sample.cost, "number"),
      cell("Latency", sample.latency, "number"));
    row.dataset.job = sample.job;
    return row;
  }

  return { line };
})();
