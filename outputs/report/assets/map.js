/* The map: points coloured by a label; zoom, drag, keys. */
const GROUPS = 8;
const RADIUS = 4.5;

function startMap() {
  const plane = byId("plane");
  if (!plane) return;
  const map = new PlaneMap(plane, DATA.points.map(([place, x, y]) => ({ row: ROWS[place], x, y })));
  startPointer(plane, map);
  startKeys(plane, map);
  startColours(map.points);
  new ResizeObserver(() => map.draw()).observe(plane);
}

/* The points, which part of the plane is seen, and the point that is pointed at. */
class PlaneMap {
  constructor(plane, points) {
    this.plane = plane;
    this.points = points;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("aria-hidden", "true");
    for (const point of points) {
      point.dot = document.createElementNS(SVG, "circle");
      this.svg.append(point.dot);
    }
    plane.append(this.svg);
    this.at = null;
    this.view = { x: 0, y: 0, zoom: 1 };
  }

  /* Pixels a unit: x may be stretched, since a screen is wider than high. */
  get scale() {
    const [wide, high] = [this.plane.clientWidth / 2, this.plane.clientHeight / 2];
    const unit = this.view.zoom * (Math.min(wide, high) - 14);
    return { x: unit * (wide > high ? Math.min(wide / high, 1.8) : 1), y: unit };
  }

  place(point) {
    const scale = this.scale;
    return [
      this.plane.clientWidth / 2 + (point.x - this.view.x) * scale.x,
      this.plane.clientHeight / 2 - (point.y - this.view.y) * scale.y,
    ];
  }

  draw() {
    for (const point of this.points) {
      const [x, y] = this.place(point);
      point.dot.setAttribute("cx", x.toFixed(1));
      point.dot.setAttribute("cy", y.toFixed(1));
      point.dot.setAttribute("r", RADIUS * Math.min(2, Math.sqrt(this.view.zoom)));
    }
  }

  zoom(factor) {
    this.view.zoom = Math.min(60, Math.max(1, this.view.zoom * factor));
    if (this.view.zoom === 1) this.view.x = this.view.y = 0;
    else if (this.at && factor > 1) Object.assign(this.view, { x: this.at.x, y: this.at.y });
    this.draw();
  }

  all() {
    Object.assign(this.view, { x: 0, y: 0, zoom: 1 });
    this.draw();
  }

  shown() {
    return this.points.filter((point) => !point.dot.classList.contains("off"));
  }

  /* Point at a point, or at none: it is told in the tip, and brought into view. */
  go(point) {
    this.at?.dot.classList.remove("at");
    this.at = point;
    if (!point) return hideTip();
    point.dot.classList.add("at");
    let [x, y] = this.place(point);
    if (x < 0 || y < 0 || x > this.plane.clientWidth || y > this.plane.clientHeight) {
      Object.assign(this.view, { x: point.x, y: point.y });
      this.draw();
      [x, y] = this.place(point);
    }
    const box = this.plane.getBoundingClientRect();
    const topic = point.row.topic ? ` · ${point.row.topic}` : "";
    showTip(short(whole(point.row), 160) + topic, box.left + x, box.top + y);
  }

  /* To the nearest point in a direction: what lies ahead counts, what lies aside counts double. */
  step(dx, dy) {
    if (!this.at) return this.go(this.shown()[0] || null);
    const [x0, y0] = this.place(this.at);
    let best = null;
    for (const point of this.shown()) {
      const [x, y] = this.place(point);
      const ahead = (x - x0) * dx + (y - y0) * dy;
      const far = ahead + 2 * (Math.abs((x - x0) * dy) + Math.abs((y - y0) * dx));
      if (point !== this.at && ahead > 0.5 && (!best || far < best.far)) best = { point, far };
    }
    if (best) this.go(best.point);
  }

  near(event) {
    const box = this.plane.getBoundingClientRect();
    let best = null;
    for (const point of this.shown()) {
      const [x, y] = this.place(point);
      const far = Math.hypot(x - event.clientX + box.left, y - event.clientY + box.top);
      if (far < 14 && (!best || far < best.far)) best = { point, far };
    }
    return best?.point || null;
  }
}

function startPointer(plane, map) {
  let held = null;
  plane.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, from: { ...map.view }, moved: false };
  });
  plane.addEventListener("pointermove", (event) => {
    if (!held || !event.buttons) return map.go(map.near(event));
    held.moved ||= Math.hypot(event.clientX - held.x, event.clientY - held.y) > 5;
    if (!held.moved || map.view.zoom === 1) return;
    map.view.x = held.from.x - (event.clientX - held.x) / map.scale.x;
    map.view.y = held.from.y + (event.clientY - held.y) / map.scale.y;
    map.draw();
  });
  plane.addEventListener("click", (event) => {
    const point = held?.moved ? null : map.near(event);
    held = null;
    if (point) openRow(point.row);
  });
  plane.addEventListener("pointerleave", () => map.go(null));
  plane.addEventListener("blur", () => map.go(null));
  const wheel = (event) => {
    // Only where the map was chosen: elsewhere a wheel scrolls the page.
    if (!event.ctrlKey && document.activeElement !== plane) return;
    event.preventDefault();
    map.zoom(event.deltaY < 0 ? 1.25 : 0.8);
  };
  plane.addEventListener("wheel", wheel, { passive: false });
}

function startKeys(plane, map) {
  const zooms = { "+": () => map.zoom(1.5), "-": () => map.zoom(1 / 1.5), 0: () => map.all() };
  const keys = {
    ...zooms, "=": zooms["+"], Escape: () => map.go(null), Enter: () => map.at && openRow(map.at.row),
    ArrowLeft: () => map.step(-1, 0), ArrowRight: () => map.step(1, 0),
    ArrowUp: () => map.step(0, -1), ArrowDown: () => map.step(0, 1),
  };
  plane.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", zooms[button.dataset.zoom]);
  }
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
