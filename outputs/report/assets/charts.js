/* The charts are drawn already: this tells what a mark says, and hides a series. */
function startCharts() {
  for (const figure of document.querySelectorAll("[data-chart]")) {
    for (const drawing of figure.querySelectorAll(".draw")) startDrawing(drawing);
    for (const key of figure.querySelectorAll(".key")) {
      key.addEventListener("click", () => {
        const shown = key.getAttribute("aria-pressed") !== "true";
        key.setAttribute("aria-pressed", String(shown));
        for (const mark of figure.querySelectorAll(".mark")) {
          if (mark.dataset.s === key.dataset.s) mark.classList.toggle("off", !shown);
        }
      });
    }
  }
}

function startDrawing(drawing) {
  let at = null;
  const visible = () => [...drawing.querySelectorAll(".mark:not(.off)")];
  const leave = () => {
    at?.classList.remove("at");
    at = null;
    hideTip();
  };
  const go = (mark) => {
    leave();
    if (!mark) return;
    at = mark;
    mark.classList.add("at");
    const box = mark.getBoundingClientRect();
    showTip(mark.dataset.tip, box.left + box.width / 2, box.top + box.height / 2);
  };
  drawing.addEventListener("pointermove", (event) => {
    const mark = event.target.closest(".mark");
    if (!mark) return hideTip();
    showTip(mark.dataset.tip, event.clientX, event.clientY);
  });
  drawing.addEventListener("pointerleave", leave);
  drawing.addEventListener("blur", leave);
  drawing.addEventListener("keydown", (event) => {
    const marks = visible();
    const place = marks.indexOf(at);
    const steps = { ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1, Home: 0, End: marks.length - 1 };
    if (event.key === "Escape") return leave();
    if (!(event.key in steps) || !marks.length) return;
    event.preventDefault();
    go(marks[Math.min(Math.max(0, steps[event.key]), marks.length - 1)]);
  });
}
