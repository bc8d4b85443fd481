/* The table: search, filters, pages. */
const PAGE = 25;
const ROWS = DATA.rows;
const VALUES = {
  state: (row) => (row.by === undefined ? "kept" : row.kind === "candidate" ? "candidate, not accepted" : "row, rejected"),
  why: (row) => (row.by === undefined ? "" : `${row.by}: ${row.why}`),
  stage: (row) => row.stage || "",
  topic: (row) => row.topic || "",
  operation: (row) => row.operation || "",
  language: (row) => row.language || "",
};
const SEARCHED = ["id", "instruction", "input", "response", "reasoning", "answer", "raw"];
let found = ROWS;
let page = 0;

function startRows() {
  const kept = ROWS.filter((row) => row.by === undefined).length;
  byId("rows-says").textContent =
    `A sample: ${count(kept)} of ${rowsIn(DATA.kept)} kept, ${count(ROWS.length - kept)} of ${count(DATA.rejected)} dropped.` +
    " The Parquet files hold all.";
  for (const select of document.querySelectorAll("[data-filter]")) fillFilter(select);
  const form = byId("filters");
  form.addEventListener("input", search);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(search));
  byId("back").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  search();
}

function fillFilter(select) {
  const counts = new Map();
  for (const row of ROWS) {
    const value = VALUES[select.dataset.filter](row);
    if (value) counts.set(value, (counts.get(value) || 0) + 1);
  }
  for (const [value, rows] of [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))) {
    select.append(make("option", { value }, `${short(value, 60)} (${count(rows)})`));
  }
  select.disabled = counts.size === 0;
}

function search() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const filters = [...document.querySelectorAll("[data-filter]")].filter((select) => select.value);
  found = ROWS.filter(
    (row) => filters.every((select) => VALUES[select.dataset.filter](row) === select.value) && holds(row, words),
  );
  page = 0;
  show();
}

function holds(row, words) {
  if (!words.length) return true;
  row.all ??= SEARCHED.map((name) => row[name] || "").join("\n").toLowerCase();
  return words.every((word) => row.all.includes(word));
}

function turn(step) {
  page += step;
  show();
  byId("rows").scrollIntoView();
}

function show() {
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  const start = page * PAGE;
  const shown = found.slice(start, start + PAGE);
  byId("found").textContent = found.length
    ? `${count(start + 1)}–${count(start + shown.length)} of ${rowsIn(found.length)}`
    : "No row is like that. Clear the search, or a filter.";
  byId("page").textContent = `Page ${count(page + 1)} of ${count(pages)}`;
  byId("back").disabled = page === 0;
  byId("next").disabled = page >= pages - 1;
  document.querySelector("#table tbody").replaceChildren(...shown.map(rowLine));
}

function fate(row) {
  if (row.by === undefined) return [make("span", { class: "fate kept" }, "kept")];
  const why = make("div", { class: "dim" }, `${row.by}: ${row.why}`);
  return [make("span", { class: "fate gone" }, row.kind === "candidate" ? "not accepted" : "rejected"), why];
}

function rowLine(row) {
  const text = row.instruction || row.raw || "(no text)";
  const opener = make("button", { type: "button", class: "open" }, make("span", { class: "clamp" }, short(text, 300)));
  opener.addEventListener("click", () => openRow(row));
  const cell = (...children) => make("td", {}, ...children);
  const topic = [row.topic, row.subtopic].filter(Boolean).join(" / ");
  const made = [row.operation, row.depth ? `depth ${row.depth}` : ""].filter(Boolean).join(", ");
  const reply = make("span", { class: "clamp" }, short(row.response || row.answer || "", 240));
  return make("tr", {}, cell(...fate(row)), cell(opener), cell(reply), cell(topic), cell(made), cell(row.language || ""));
}
