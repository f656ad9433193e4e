"use strict";
// The script of the tables of a page, which are sorted, filtered and saved.

function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Return what a cell is sorted by: its first number, or its text; nothing comes last. */
function sortKey(text, isNumber) {
  if (!isNumber) return text;
  const found = text.replaceAll(/[()]/g, "").match(/-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i);
  return found ? Number(found[0]) : null;
}

function sortTable(table, column, header) {
  const isUp = header.getAttribute("aria-sort") !== "ascending";
  const isNumber = header.classList.contains("number");
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", isUp ? "ascending" : "descending");
  table.classList.add("sorted");
  const rows = [...table.tBodies[0].rows].map((row) =>
    [sortKey(row.cells[column].textContent, isNumber), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null || a === "" || b === "") {
      return (a === null || a === "") - (b === null || b === "");
    }
    const order = isNumber ? a - b : a.localeCompare(b, "en", { numeric: true });
    return isUp ? order : -order;
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

/** Return the rows that are shown as CSV; no text is a formula in a spreadsheet. */
function asCsv(table) {
  const rows = [...table.tHead.rows, ...table.tBodies[0].rows].filter((row) =>
    !row.hidden && getComputedStyle(row).display !== "none");
  const written = (one) => {
    const text = /^([=@]|[+-](?!\d+(\.\d*)?$))/.test(one) ? `'${one}` : one;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => [...row.cells].map((one) => written(one.textContent)).join(",") + "\n")
    .join("");
}

function save(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = make("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function setUpTable(box) {
  const table = box.querySelector("table");
  for (const [column, header] of [...table.tHead.rows[0].cells].entries()) {
    const button = make("button", { type: "button", textContent: header.textContent });
    button.addEventListener("click", () => sortTable(table, column, header));
    header.replaceChildren(button);
  }
  const title = box.getAttribute("aria-label");
  const filter = make("input", { type: "search", placeholder: "filter rows" });
  filter.setAttribute("aria-label", `Filter rows: ${title}`);
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const row of table.tBodies[0].rows) {
      const texts = [...row.cells].map((one) => one.textContent.toLowerCase());
      row.hidden = !texts.some((text) => text.includes(wanted));
    }
  });
  const button = make("button", { type: "button", textContent: "CSV" });
  button.setAttribute("aria-label", `Save as CSV: ${title}`);
  button.addEventListener("click", () => save(`${box.dataset.file}.csv`, asCsv(table)));
  box.before(make("div", { className: "tools" }, filter, button));
}

document.querySelectorAll("[data-file]").forEach(setUpTable);

