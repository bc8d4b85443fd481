/* One row in full, beside its parent or the row it is most like. */
const KNOWN = new Map([...Object.values(DATA.others), ...ROWS.filter((row) => row.by !== undefined).reverse(), ...ROWS.filter((row) => row.by === undefined)].map((row) => [row.id, row]));
const dialog = byId("detail");

function openRow(row) {
  const close = make("button", { type: "button" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const title = make("h2", { id: "detail-title", tabIndex: -1 }, `Row ${row.id}`);
  dialog.replaceChildren(
    make("div", { class: "bar" }, make("div", {}, title, make("div", {}, ...(known(row) ? [] : fate(row)))), close),
    make("div", { class: "inside" }, chips(row), ...relatives(row), ...texts(row), ...scores(row)),
  );
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  title.focus();
}

/* Whether a row is only known as somebody's parent or neighbour, so that its fate is not. */
const known = (row) => row.by === undefined && DATA.others[row.id] === row;

function chips(row) {
  const teacher = row.teacher ? Object.entries(row.teacher).map(([name, value]) => `${name}: ${value}`) : [];
  const labels = ["language", "topic", "subtopic", "task_type", "difficulty", "stage", "operation", "depth", "round", "source"]
    .filter((name) => row[name] !== undefined)
    .map((name) => `${name.replace("_", " ")}: ${row[name]}`);
  return make("ul", { class: "chips" }, ...[...labels, ...teacher].map((label) => make("li", {}, label)));
}

const whole = (row) => [row.instruction, row.input].filter(Boolean).join("\n\n");

/* Rows to compare with: parents, then neighbours, the nearest first. */
function candidates(row) {
  const list = (row.parents || []).map((id) => [`Parent ${short(id, 8)}`, id]);
  const near = (row.scores || []).filter((score) => score[3]).sort((a, b) => b[2] - a[2]);
  for (const [stage, measure, value, id] of near) list.push([`Like ${short(id, 8)} (${stage}: ${measure} ${value.toFixed(2)})`, id]);
  // What a row was dropped for being like comes first.
  const cause = near.find((score) => score[0] === row.by);
  if (cause) list.sort((a, b) => (b[1] === cause[3]) - (a[1] === cause[3]));
  return list.filter(([, id], place) => KNOWN.has(id) && list.findIndex((other) => other[1] === id) === place);
}

function relatives(row) {
  const list = candidates(row);
  if (!list.length) return [];
  const place = make("div", {});
  const buttons = list.map(([name, id]) => {
    const button = make("button", { type: "button", "aria-pressed": "false" }, name);
    button.addEventListener("click", () => choose(name, id, button));
    return button;
  });
  function choose(name, id, button) {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    const open = make("button", { type: "button" }, `Open ${short(id, 12)}`);
    open.addEventListener("click", () => openRow(KNOWN.get(id)));
    place.replaceChildren(sideBySide(name, whole(KNOWN.get(id)), "This row", whole(row)), make("div", { class: "choices" }, open));
  }
  choose(...list[0], buttons[0]);
  return [make("h3", {}, "Compared with"), make("div", { class: "choices", role: "group", "aria-label": "Compare with" }, ...buttons), place];
}

function texts(row) {
  const fields = [
    ["Instruction", row.instruction], ["Input", row.input], ["System message", row.system], ["Reasoning", row.reasoning],
    ["Response", row.response], ["Answer", row.answer], ...(row.turns || []), ["What the model wrote", row.raw],
  ];
  return fields.filter(([, text]) => text).flatMap(([name, text]) => [make("h3", {}, name), make("pre", { class: "text" }, text)]);
}

function scores(row) {
  if (!row.scores) return [];
  const lines = row.scores.map(([stage, measure, value, id]) => {
    const link = id && KNOWN.has(id) ? make("button", { type: "button" }, short(id, 12)) : id ? short(id, 12) : "";
    if (id && KNOWN.has(id)) link.addEventListener("click", () => openRow(KNOWN.get(id)));
    const shown = value === null ? "–" : Number.isInteger(value) ? count(value) : value.toFixed(3);
    return make("tr", {}, ...[stage, measure, shown, link].map((each) => make("td", {}, each)));
  });
  const head = make("tr", {}, ...["stage", "measure", "value", "nearest row"].map((name) => make("th", { scope: "col" }, name)));
  return [make("h3", {}, "Scores"), make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines)))];
}

function startDetail() {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
}
