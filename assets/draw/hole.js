// A hole drawn by its radius over 72 angles. A handle pulls the curve beside it by a raised cosine,
// so other handles stay in place; dragging anywhere else draws a new outline freehand.
const NS = "http://www.w3.org/2000/svg";
const COUNT = 72, HANDLES = 12, STEP = COUNT / HANDLES, TAU = 2 * Math.PI;

const make = (tag, attributes, parent) => {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return parent.appendChild(node);
};
const place = (radius, index) => {
  const angle = (TAU * index) / COUNT;
  return [0.5 + radius * Math.cos(angle), 0.5 + radius * Math.sin(angle)];
};
const polar = ([x, y]) => [(Math.atan2(y - 0.5, x - 0.5) + TAU) % TAU, Math.hypot(x - 0.5, y - 0.5)];
const closed = (points) => "M" + points.map(([x, y]) => `${x.toFixed(4)},${(1 - y).toFixed(4)}`).join("L") + "Z";

// Radii at the fixed angles, or null if the outline does not go around the center exactly once.
function radiiOf(polygon) {
  const turn = polygon.map(polar);
  let total = 0, forward = 0, backward = 0;
  turn.forEach(([angle], index) => {
    const next = turn[(index + 1) % turn.length][0];
    const change = ((next - angle + 1.5 * TAU) % TAU) - TAU / 2;
    total += change;
    if (change > 1e-9) forward += 1;
    if (change < -1e-9) backward += 1;
  });
  if (polygon.length < 3 || Math.abs(Math.abs(total) - TAU) > 0.1 || (forward && backward)) return null;
  const sorted = turn.toSorted((a, b) => a[0] - b[0]);
  const round = [[sorted.at(-1)[0] - TAU, sorted.at(-1)[1]], ...sorted, [sorted[0][0] + TAU, sorted[0][1]]];
  return Array.from({ length: COUNT }, (_, index) => {
    const angle = (TAU * index) / COUNT;
    const after = Math.max(1, round.findIndex(([other]) => other > angle));
    const [a0, r0] = round[after - 1], [a1, r1] = round[after];
    return r0 + ((r1 - r0) * (angle - a0)) / (a1 - a0 || 1);
  });
}

function build(root) {
  const box = root.querySelector(".draw");
  const svg = make("svg", { viewBox: "-0.04 -0.1 1.08 1.18", role: "group", class: "hole",
    "aria-label": "Drawing of the hole. Twelve handles set its radius; arrow keys move the chosen one." }, box);
  make("rect", { x: 0, y: 0, width: 1, height: 1, class: "body" }, svg);
  for (let index = 0; index < 7; index += 1) {
    const x = 0.08 + index * 0.14;
    make("path", { d: `M${x},-0.012V-0.075m-0.014,0.02l0.014,-0.02l0.014,0.02`, class: "pull" }, svg);
  }
  for (let index = 0; index < 25; index += 1)
    make("path", { d: `M${index * 0.04},1.035l0.035,-0.03`, class: "clamp" }, svg);
  const curve = make("path", { class: "curve" }, svg);
  const rings = make("g", {}, svg);
  const handles = Array.from({ length: HANDLES }, (_, index) =>
    make("circle", { r: 0.017, class: "handle", tabindex: 0, role: "slider",
      "aria-label": `Radius at ${(360 * index) / HANDLES} degrees` }, svg));
  return { box, svg, rings, curve, handles, radii: null, polygon: null, version: null };
}

function draw(view) {
  view.curve.setAttribute("d", closed(view.radii ? view.radii.map(place) : view.polygon));
  view.handles.forEach((handle, index) => {
    handle.style.display = view.radii ? "" : "none";
    if (!view.radii) return;
    const radius = view.radii[index * STEP], [x, y] = place(radius, index * STEP);
    handle.setAttribute("cx", x);
    handle.setAttribute("cy", 1 - y);
    handle.setAttribute("aria-valuenow", radius.toFixed(3));
  });
}

function pull(view, index, radius) {
  const target = Math.min(view.data.high, Math.max(view.data.low, radius));
  const change = target - view.radii[index * STEP];
  for (let offset = -STEP; offset <= STEP; offset += 1) {
    const at = (index * STEP + offset + COUNT) % COUNT;
    const share = Math.cos((Math.PI * offset) / (2 * STEP)) ** 2;
    view.radii[at] = Math.min(view.data.high, Math.max(view.data.low, view.radii[at] + change * share));
  }
  draw(view);
}

function send(view) {
  const points = view.radii ? view.radii.map(place) : view.polygon;
  const polygon = points.map((point) => point.map((value) => Math.round(value * 1e5) / 1e5));
  view.emit("shape", { version: view.version, polygon });
}

function listen(view) {
  const at = (event) => {
    const matrix = view.svg.getScreenCTM().inverse();
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    return [point.x, 1 - point.y];
  };
  let active = null, path = [], later = null;
  view.svg.addEventListener("pointerdown", (event) => {
    active = view.handles.indexOf(event.target);
    path = [at(event)];
    if (active >= 0) view.handles[active].focus();
    view.svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  view.svg.addEventListener("pointermove", (event) => {
    if (active === null) return;
    if (active >= 0) return pull(view, active, polar(at(event))[1]);
    const [x, y] = at(event), [u, v] = path.at(-1);
    if (Math.hypot(x - u, y - v) < 0.008) return;
    path.push([x, y]);
    view.curve.setAttribute("d", closed(path));
  });
  const finish = () => {
    if (active === null) return;
    const freehand = active < 0;
    active = null;
    if (freehand && path.length < 8) return draw(view);   // a click, not a drawing
    if (freehand) [view.polygon, view.radii] = [path, radiiOf(path)];
    draw(view);
    send(view);
  };
  view.svg.addEventListener("pointerup", finish);
  view.svg.addEventListener("pointercancel", finish);
  view.svg.addEventListener("keydown", (event) => {
    const index = view.handles.indexOf(event.target);
    const size = { ArrowUp: 0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowLeft: -0.01, PageUp: 0.05, PageDown: -0.05 }[event.key];
    if (index < 0 || !size) return;
    event.preventDefault();
    pull(view, index, view.radii[index * STEP] + size);
    clearTimeout(later);
    later = setTimeout(() => send(view), 350);
  });
}

export default function ({ data, parentElement, setStateValue }) {
  let view = parentElement.__hole;
  if (!view) listen((view = parentElement.__hole = build(parentElement)));
  view.emit = setStateValue;
  view.data = data;
  if (view.version !== data.version) {
    view.version = data.version;
    view.polygon = data.polygon;
    view.radii = radiiOf(data.polygon);
    view.rings.replaceChildren();
    for (const r of data.trained) make("circle", { cx: 0.5, cy: 0.5, r, class: "ring" }, view.rings);
    for (const handle of view.handles) {
      handle.setAttribute("aria-valuemin", data.low);
      handle.setAttribute("aria-valuemax", data.high);
    }
    draw(view);
  }
  view.box.dataset.ready = "1";
}
