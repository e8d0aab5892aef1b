"use strict";
// Asks the local server how far the run is, and shows it, as long as the page is looked at.
(function () {
  const EVERY_MS = 3000;
  const state = document.getElementById("state");
  const body = document.querySelector("#standing-table tbody");

  function cell(text, number) {
    const element = document.createElement(number ? "td" : "th");
    if (number) element.className = "number"; else element.scope = "row";
    element.textContent = text;
    return element;
  }

  let timer = 0;

  function later() {
    clearTimeout(timer);
    timer = setTimeout(look, EVERY_MS);
  }

  async function look() {
    if (document.hidden) return;
    try {
      const now = await (await fetch("status.json")).json();
      if (now.state !== state.textContent) state.textContent = now.state;
      body.replaceChildren(...now.rows.map((row) => {
        const line = document.createElement("tr");
        line.append(...row.map((text, place) => cell(text, place > 0)));
        return line;
      }));
      if (now.state === "finished") return;
    } catch (error) {
      state.textContent = "the server does not answer";
    }
    later();
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) later(); });
  later();
})();
