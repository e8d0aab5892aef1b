"use strict";
// Draws every chart of the page. Colours are CSS variables in the specification, so dark mode and print need no redraw.
(function () {
  const font = getComputedStyle(document.body).fontFamily;

  function config(narrow) {
    const text = { labelColor: "var(--quiet)", titleColor: "var(--quiet)", labelFont: font, titleFont: font };
    return {
      background: "transparent",
      font: font,
      aria: false,
      view: { stroke: null },
      axis: Object.assign({
        labelFontSize: 13, titleFontSize: 13, titleFontWeight: "normal", titlePadding: 12, labelPadding: 8,
        domain: false, ticks: false, gridColor: "var(--line)", labelLimit: narrow ? 116 : 320,
      }, text),
      axisX: { labelFlush: 20 },
      axisY: { labelColor: "var(--ink)", grid: true },
      axisBand: { grid: false },
      legend: Object.assign({
        orient: "top", direction: narrow ? "vertical" : "horizontal", labelFontSize: 13, symbolSize: 90,
        symbolLimit: 0, labelLimit: narrow ? 200 : 220, offset: 14, columnPadding: 22, columns: narrow ? 1 : 4,
      }, text),
      text: { color: "var(--ink)", font: font, fontSize: 13 },
    };
  }

  const tip = document.createElement("dl");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);

  function showTip(handler, event, item, value) {
    tip.hidden = value == null || value === "";
    if (tip.hidden) return;
    tip.replaceChildren(...Object.entries(value).map(([name, text]) => {
      const line = document.createElement("div");
      const term = document.createElement("dt");
      const told = document.createElement("dd");
      term.textContent = name;
      told.textContent = String(text);
      line.append(term, told);
      return line;
    }));
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(8, Math.min(event.clientX + 14, innerWidth - box.width - 8)) + "px";
    tip.style.top = Math.max(8, event.clientY - box.height - 12) + "px";
  }

  // Where there is little room, a name of several parts takes a line for each, and its row the height for them.
  function breakNames(spec) {
    const names = spec.usermeta;
    if (!names || names.lines < 2) return;
    spec.encoding.y.axis = { labelExpr: "split(datum.label, ' · ')" };
    spec.height = Math.max(spec.height, names.rows * (names.lines * 16 + 12));
  }

  // Names of points that would cover another text, or leave the chart, are left out; tooltip and table tell them.
  function hideCovered(plot) {
    const kept = [...plot.querySelectorAll(".role-axis-label text")].map((text) => text.getBoundingClientRect());
    const frame = plot.getBoundingClientRect();
    plot.querySelectorAll(".mark-text.role-mark text").forEach((name) => {
      if (!name.textContent) return;
      const box = name.getBoundingClientRect();
      const covers = kept.some((other) =>
        box.left < other.right && other.left < box.right && box.top + 2 < other.bottom && other.top + 2 < box.bottom);
      if (covers || box.left < frame.left || box.right > frame.right) name.setAttribute("visibility", "hidden");
      else kept.push(box);
    });
  }

  async function draw(plot) {
    const spec = JSON.parse(document.getElementById(plot.dataset.spec).textContent);
    const narrow = plot.clientWidth < 520;
    if (narrow) breakNames(spec);
    await vegaEmbed(plot, spec, {
      mode: "vega-lite", renderer: "svg", ast: true, defaultStyle: false, actions: false,
      config: config(narrow), tooltip: showTip,
    });
    hideCovered(plot);
    plot.dataset.drawn = "yes";
  }

  document.querySelectorAll(".plot").forEach((plot) => {
    draw(plot).catch((error) => console.error("chart " + plot.id + " was not drawn:", error));
  });
})();
