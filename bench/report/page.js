"use strict";
document.documentElement.classList.add("live");

// Tables: a click on a heading sorts, a second one turns the order round. What has no value stays at the end.
function keyOf(row, column) {
  const cell = row.cells[column];
  const value = cell.dataset.value;
  const text = cell.textContent.trim();
  if (value === "n/a" || text === "n/a" || text === "–" || text === "") return null;
  const number = Number(value ?? text.replace(/,/g, "").replace("−", "-"));
  return Number.isNaN(number) ? text : number;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function sortBy(heading) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, column), row]);
  const known = rows.filter(([key]) => key !== null).sort(([a], [b]) => (down ? compare(b, a) : compare(a, b)));
  const unknown = rows.filter(([key]) => key === null);
  table.tBodies[0].append(...[...known, ...unknown].map(([, row]) => row));
}

for (const button of document.querySelectorAll("table.data thead button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}

// The viewer: the stage borrows its two pictures from the crops below it.
for (const viewer of document.querySelectorAll(".viewer")) {
  const views = [...viewer.querySelectorAll(".view")];
  const tabs = [...viewer.querySelectorAll(".tabs button")];
  const show = (place) => {
    views.forEach((view, number) => { view.hidden = number !== place; });
    tabs.forEach((tab, number) => tab.setAttribute("aria-pressed", String(number === place)));
  };
  tabs.forEach((tab, number) => tab.addEventListener("click", () => show(number)));
  const choice = { ...viewer.dataset };

  for (const view of views) {
    const tiles = [...view.querySelectorAll(".tile")];
    const stage = view.querySelector(".stage");
    const slider = stage.querySelector("input");
    const picks = { left: view.querySelector(".pick-left"), right: view.querySelector(".pick-right") };
    const put = (side, name) => {
      const instead = side === "left" ? tiles[1] ?? tiles[0] : tiles[0]; // HR is the first
      const tile = tiles.find((one) => one.dataset.name === name) ?? instead;
      picks[side].value = tile.dataset.name;
      stage.querySelector(side === "left" ? ".over" : ".under").src = tile.querySelector("img").src;
      stage.querySelector(`.tag.${side}`).textContent = tile.dataset.name;
      const shown = [picks.left.value, picks.right.value];
      for (const one of tiles) one.setAttribute("aria-pressed", String(shown.includes(one.dataset.name)));
    };
    const choose = (side, name) => {
      choice[side] = name;
      for (const other of views) other.dispatchEvent(new CustomEvent("chosen"));
    };
    view.addEventListener("chosen", () => { put("left", choice.left); put("right", choice.right); });
    const cut = () => {
      stage.style.setProperty("--cut", `${slider.value}%`);
      slider.setAttribute("aria-valuetext", `${slider.value} per cent ${picks.left.value}`);
    };
    slider.addEventListener("input", cut);
    picks.left.addEventListener("change", () => choose("left", picks.left.value));
    picks.right.addEventListener("change", () => choose("right", picks.right.value));
    for (const tile of tiles) tile.addEventListener("click", () => choose("right", tile.dataset.name));
    view.dispatchEvent(new CustomEvent("chosen"));
    cut();
  }
  show(0);
}

// On paper everything folded is open.
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details:not([open])")) { one.open = true; one.dataset.printed = "yes"; }
});
addEventListener("afterprint", () => {
  for (const one of document.querySelectorAll("details[data-printed]")) { one.open = false; delete one.dataset.printed; }
});

// The contents mark the part that is being read.
const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const part of document.querySelectorAll(".part")) watcher.observe(part);
