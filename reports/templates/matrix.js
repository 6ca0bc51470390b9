"use strict";
// Sorts the tables by a server's verdicts and hides rules that do not hold the wanted text. The page is whole without it.
const tables = [...document.querySelectorAll("main table.grid")].filter((table) => table.querySelector("button"));
const rank = ["✗", "~", "!", "w", "?", "/", "–", "i", "✓", ""];

for (const table of tables) {
  const body = table.tBodies[0];
  const asWritten = [...body.rows];
  const place = (row, column) => rank.indexOf(row.cells[column].querySelector("[aria-hidden]")?.textContent ?? "");
  for (const button of table.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      const column = Number(button.dataset.column);
      for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
      if (column === 0) {
        body.replaceChildren(...asWritten);
      } else {
        const rules = asWritten.filter((row) => !row.classList.contains("chapter"));
        body.replaceChildren(...rules.sort((one, other) => place(one, column) - place(other, column)));
        button.parentElement.setAttribute("aria-sort", "ascending");
      }
    });
  }
}

const wanted = document.getElementById("wanted");
wanted.addEventListener("input", () => {
  const text = wanted.value.trim().toLowerCase();
  for (const table of tables) {
    let chapter = null;
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      if (row.classList.contains("chapter")) {
        chapter = row;
        chapter.hidden = text !== "";
        continue;
      }
      row.hidden = text !== "" && !row.cells[0].textContent.toLowerCase().includes(text);
      if (!row.hidden) {
        shown += 1;
        if (chapter) chapter.hidden = false;
      }
    }
    const group = table.closest("details");
    group.hidden = text !== "" && shown === 0;
    if (text !== "" && shown > 0) group.open = true;
  }
});
document.getElementById("tools").hidden = false;
