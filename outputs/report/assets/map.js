/* The map: points coloured by a label; zoom, drag, keys. */
const GROUPS = 8;
const RADIUS = 4.5;

function startMap() {
  const plane = byId("plane");
  if (!plane) return;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  plane.append(svg);
  const points = DATA.points.map(([place, x, y]) => ({ row: ROWS[place], x, y, dot: document.createElementNS(SVG, "circle") }));
  for (const point of points) svg.append(point.dot);
  const view = { x: 0, y: 0, zoom: 1 };
  let at = null;

  const place = (point) => {
    const half = { x: plane.clientWidth / 2, y: plane.clientHeight / 2 };
    const scale = view.zoom * (Math.min(half.x, half.y) - 14);
    // Wider than high: the points may use all of it.
    const stretch = half.x > half.y ? Math.min(half.x / half.y, 1.8) : 1;
    return [half.x + (point.x - view.x) * scale * stretch, half.y - (point.y - view.y) * scale];
  };
  function draw() {
    for (const point of points) {
      const [x, y] = place(point);
      point.dot.setAttribute("cx", x.toFixed(1));
      point.dot.setAttribute("cy", y.toFixed(1));
      point.dot.setAttribute("r", RADIUS * Math.min(2, Math.sqrt(view.zoom)));
    }
  }
  function zoom(factor) {
    view.zoom = Math.min(60, Math.max(1, view.zoom * factor));
    if (view.zoom === 1) view.x = view.y = 0;
    if (at && factor > 1) [view.x, view.y] = [at.x, at.y];
    draw();
  }
  function all() {
    Object.assign(view, { x: 0, y: 0, zoom: 1 });
    draw();
  }
  const told = (point) => `${short(whole(point.row), 160)}${point.row.topic ? ` · ${point.row.topic}` : ""}`;
  function go(point) {
    at?.dot.classList.remove("at");
    at = point;
    if (!point) return hideTip();
    point.dot.classList.add("at");
    svg.append(point.dot); // on top
    let [x, y] = place(point);
    if (x < 0 || y < 0 || x > plane.clientWidth || y > plane.clientHeight) {
      [view.x, view.y] = [point.x, point.y];
      draw();
      [x, y] = place(point);
    }
    const box = plane.getBoundingClientRect();
    showTip(told(point), box.left + x, box.top + y);
  }
  const shown = () => points.filter((point) => !point.dot.classList.contains("off"));
  /* The nearest point in a direction: what lies ahead counts, what lies aside counts double. */
  function step(dx, dy) {
    if (!at) return go(shown()[0] || null);
    const [x0, y0] = place(at);
    let best = null;
    for (const point of shown()) {
      const [x, y] = place(point);
      const ahead = (x - x0) * dx + (y - y0) * dy;
      const aside = Math.abs((x - x0) * dy) + Math.abs((y - y0) * dx);
      if (point !== at && ahead > 0.5 && (!best || ahead + 2 * aside < best.far)) best = { point, far: ahead + 2 * aside };
    }
    if (best) go(best.point);
  }

  const near = (event) => {
    const box = plane.getBoundingClientRect();
    let best = null;
    for (const point of shown()) {
      const [x, y] = place(point);
      const far = Math.hypot(x - event.clientX + box.left, y - event.clientY + box.top);
      if (far < 14 && (!best || far < best.far)) best = { point, far };
    }
    return best?.point || null;
  };
  let held = null;
  plane.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, from: { ...view }, moved: false };
  });
  plane.addEventListener("pointermove", (event) => {
    if (held && event.buttons) {
      const moved = Math.hypot(event.clientX - held.x, event.clientY - held.y) > 5;
      held.moved ||= moved;
      const scale = view.zoom * (Math.min(plane.clientWidth, plane.clientHeight) / 2 - 14);
      if (held.moved && view.zoom > 1) {
        view.x = held.from.x - (event.clientX - held.x) / scale;
        view.y = held.from.y + (event.clientY - held.y) / scale;
        draw();
      }
    } else go(near(event));
  });
  plane.addEventListener("click", (event) => {
    const point = held?.moved ? null : near(event);
    held = null;
    if (point) openRow(point.row);
  });
  plane.addEventListener("pointerleave", () => go(null));
  plane.addEventListener("blur", () => go(null));
  plane.addEventListener("wheel", (event) => {
    // Only where the map was chosen: elsewhere a wheel scrolls the page.
    if (!event.ctrlKey && document.activeElement !== plane) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.25 : 0.8);
  }, { passive: false });
  plane.addEventListener("keydown", (event) => {
    const keys = {
      ArrowLeft: () => step(-1, 0), ArrowRight: () => step(1, 0), ArrowUp: () => step(0, -1), ArrowDown: () => step(0, 1),
      "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: all, Escape: () => go(null),
      Enter: () => at && openRow(at.row),
    };
    if (!(event.key in keys) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  for (const button of document.querySelectorAll("[data-zoom]")) {
    const act = { "+": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: all }[button.dataset.zoom];
    button.addEventListener("click", act);
  }
  startColours(points);
  new ResizeObserver(draw).observe(plane);
}

function startColours(points) {
  const select = byId("map-by");
  for (const name of ["topic", "operation", "stage", "language", "task_type"]) {
    if (points.some((point) => point.row[name])) select.append(make("option", { value: name }, name.replace("_", " ")));
  }
  if (!select.options.length) select.append(make("option", { value: "" }, "nothing"));
  select.addEventListener("change", () => colour(points, select.value));
  colour(points, select.value);
}

function colour(points, name) {
  const counts = new Map();
  for (const point of points) counts.set(point.row[name] || "", (counts.get(point.row[name] || "") || 0) + 1);
  const ranked = [...counts].filter(([value]) => value).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const groups = new Map(ranked.slice(0, GROUPS).map(([value], place) => [value, place]));
  const groupOf = (point) => groups.get(point.row[name] || "") ?? (point.row[name] ? 8 : 9);
  for (const point of points) point.dot.setAttribute("class", `g${groupOf(point)}`);
  // What has a label lies on top of what has none.
  for (const point of points) if (groupOf(point) < 9) point.dot.parentNode.append(point.dot);
  const names = [...groups.keys()].map((value, place) => [place, value]);
  if (ranked.length > GROUPS) names.push([8, `${count(ranked.length - GROUPS)} others`]);
  if (counts.has("")) names.push([9, `no ${name.replace("_", " ")}`]);
  byId("map-legend").replaceChildren(...names.map(([group, label]) => mapKey(points, group, label)));
}

function mapKey(points, group, label) {
  const swatch = document.createElementNS(SVG, "svg");
  const dot = document.createElementNS(SVG, "circle");
  for (const [name, value] of Object.entries({ width: 11, height: 11, "aria-hidden": "true" })) swatch.setAttribute(name, value);
  for (const [name, value] of Object.entries({ cx: 5.5, cy: 5.5, r: 5, class: `g${group}` })) dot.setAttribute(name, value);
  swatch.append(dot);
  const key = make("button", { type: "button", class: "key", "aria-pressed": "true" }, swatch, short(label, 40));
  key.addEventListener("click", () => {
    const shown = key.getAttribute("aria-pressed") !== "true";
    key.setAttribute("aria-pressed", String(shown));
    for (const point of points) if (point.dot.classList.contains(`g${group}`)) point.dot.classList.toggle("off", !shown);
  });
  return key;
}
