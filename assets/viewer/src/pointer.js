// The mouse or finger over panels: what is known of the point under it, and clicks on it.
import { valueAt } from "./cloud.js";
import { el } from "./dom.js";
import { count, number, withUnit } from "./format.js";
import { pointAt } from "./pick.js";

const REACH = 8; // pixels round the mouse
const MESH_REACH = 14;
const STILL = 4; // pixels that a click may move
const MANY = 200_000; // points, from which on it is looked less often

export class Pointer {
  constructor(view) {
    this.view = view;
    this.tip = el("div", { class: "tip", "aria-hidden": "true" });
  }

  listenTo(pad, place) {
    const { view } = this;
    let down = null;
    pad.addEventListener("pointerdown", (event) => {
      view.stage.focus({ preventScroll: true });
      down = event.isPrimary && event.button === 0 ? [event.clientX, event.clientY] : null;
      this.hide();
    });
    pad.addEventListener("pointerup", (event) => {
      if (down && Math.hypot(event.clientX - down[0], event.clientY - down[1]) < STILL) this.#click(event, place);
      down = null;
    });
    pad.addEventListener("pointermove", (event) => {
      if (event.buttons === 0 && event.pointerType !== "touch") this.#hoverSoon(event, place);
    });
    // In a tour the page scrolls over the picture until a person has clicked into it.
    const guard = (event) => {
      const zooms = !view.header.tour.length || event.ctrlKey || view.stage.getRootNode().activeElement === view.stage;
      for (const control of view.eye.controls) control.enableZoom = zooms;
    };
    pad.addEventListener("wheel", guard, { capture: true, passive: true });
  }

  #pointUnder(event, place) {
    const { view } = this;
    const box = view.grid.cells[place].pad.getBoundingClientRect();
    const panel = view.header.panels[this.#panelUnder(event, place)];
    return pointAt(view.cloud, view.eye.camera, view.groups.shifts, view.explode, {
      x: event.clientX - box.left,
      y: event.clientY - box.top,
      width: box.width,
      height: box.height,
      reach: view.cloud.index ? MESH_REACH : REACH,
      steps: panel.placesNow ?? view.cloud.steps,
      members: view.cloud.members(panel.part),
    });
  }

  #panelUnder(event, place) {
    const box = this.view.grid.cells[place].pad.getBoundingClientRect();
    return this.view.panelAt(place, (event.clientX - box.left) / box.width);
  }

  #click(event, place) {
    const { view } = this;
    const point = this.#pointUnder(event, place);
    if (point < 0) return;
    view.mark(point);
    this.#show(event, place, point);
    if (!view.header.pickable) return;
    view.component.setTriggerValue("pick", { index: point, panel: this.#panelUnder(event, place), points: view.cloud.count });
  }

  #hoverSoon(event, place) {
    this.event = event;
    if (this.waiting) return;
    const { view } = this;
    this.waiting = setTimeout(() => {
      this.waiting = 0;
      if (!view.header || view.dropped || !this.event) return;
      const point = this.#pointUnder(this.event, place);
      view.grid.cells[place]?.pad.classList.toggle("over", point >= 0);
      if (point < 0) this.hide();
      else this.#show(this.event, place, point);
    }, view.cloud.count > MANY ? 60 : 16);
  }

  #show(event, place, point) {
    const { view, tip } = this;
    const text = tell(view, point, view.header.panels[this.#panelUnder(event, place)]);
    view.root.dataset.hover = text;
    if (!text) return;
    tip.textContent = text;
    const box = view.stage.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    tip.style.left = `${x + 14 + width > box.width ? Math.max(x - 12 - width, 2) : x + 14}px`;
    tip.style.top = `${Math.min(Math.max(y - height - 8, 2), box.height - height - 2)}px`;
    tip.style.visibility = "visible";
  }

  hide() {
    this.event = null;
    this.tip.style.visibility = "hidden";
    delete this.view.root.dataset.hover;
  }
}

/** What is known of a point in a panel, line by line. */
function tell({ cloud, header }, point, panel) {
  const lines = [];
  if (panel.kind === "field") {
    const value = valueAt(panel, point);
    const bound = panel.clipped[0] && value <= panel.range[0] ? "≤ " : panel.clipped[1] && value >= panel.range[1] ? "≥ " : "";
    const plain = panel.log ? 10 ** value : value;
    lines.push(`${panel.name}: ${bound}${withUnit(number(plain), Number.isNaN(value) ? "" : panel.unit)}`);
  }
  if (header.probe) {
    const [x, y, z] = cloud.place(point, [0, 0, 0], panel.placesNow ?? cloud.steps).map((part, axis) => number(header.center[axis] + header.radius * part));
    lines.push(withUnit(`x ${x}, y ${y}, z ${z}`, header.probe));
  }
  if (panel.kind === "labels") lines.push(`${panel.name} ${count(valueAt(panel, point))}`);
  if (cloud.groups) {
    const group = cloud.groups[point];
    const said = `patch ${count(group)}`;
    if (!lines.includes(said)) lines.push(said);
    if (header.groupText[group]) lines.push(header.groupText[group]);
  }
  return lines.join("\n");
}
