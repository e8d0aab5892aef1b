"use strict";
// Computes what any number of rows would cost, each model with its interval; the table stands without it too.
(function () {
  const input = document.getElementById("projected-rows");
  if (!input) return;
  const lines = JSON.parse(document.getElementById("projection-data").textContent);
  const cells = document.querySelectorAll("td.projected");
  const head = document.getElementById("projected-head");
  const told = document.getElementById("projected-told");
  const LARGEST = 1e12;

  function dollars(amount) {
    if (amount === 0) return "$0";
    const digits = amount >= 1 ? 2 : Math.max(2, 2 - Number(amount.toExponential(2).split("e")[1]));
    return "$" + amount.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  // The mean is known from `rows` rows alone, and new rows are not all like the mean: both are in the interval.
  function projected(line, size) {
    const usd = line.usd * size;
    if (line.margin95_usd === null) return [dollars(usd), ""];
    const half = line.margin95_usd * size * Math.sqrt(1 + line.rows / size);
    return [dollars(usd), dollars(Math.max(0, usd - half)) + "–" + dollars(usd + half)];
  }

  function show() {
    const size = Number(input.value);
    const usable = Number.isInteger(size) && size >= 1 && size <= LARGEST;
    input.setAttribute("aria-invalid", String(!usable));
    const rows = size.toLocaleString("en-US") + (size === 1 ? " row" : " rows");
    head.textContent = usable ? rows : "–";
    told.textContent = usable ? "The first column of figures is for " + rows + "."
      : "Type a whole number of rows from 1 to " + LARGEST.toLocaleString("en-US") + ".";
    cells.forEach((cell, place) => {
      const [usd, interval] = usable ? projected(lines[place], size) : ["–", ""];
      cell.firstElementChild.textContent = usd;
      cell.lastElementChild.textContent = interval;
    });
  }

  document.querySelectorAll(".only-scripted").forEach((element) => { element.hidden = false; });
  input.addEventListener("input", show);
  show();
})();
