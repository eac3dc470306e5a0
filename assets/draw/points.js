// Numbers that a person changes by moving points. Between two messages the lines follow at once:
// each y is an affine function of all numbers, or a monotone cubic through the points.
const NS = "http://www.w3.org/2000/svg", WIDTH = 1000, NEAR = 80;

const make = (tag, attributes, parent) => {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return parent.appendChild(node);
};
const clamp = (value, [low, high]) => Math.min(high, Math.max(low, value));
const short = (value) => String(Number(value.toFixed(3)));

// Fritsch and Carlson: harmonic means of the slopes beside a knot, three-point slopes at the ends.
export function monotone(x, y) {
  const h = x.slice(1).map((one, k) => one - x[k]), d = h.map((width, k) => (y[k + 1] - y[k]) / width);
  const end = (h0, h1, d0, d1) => {
    const slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);
    if (slope * d0 <= 0) return 0;
    return d0 * d1 < 0 && Math.abs(slope) > 3 * Math.abs(d0) ? 3 * d0 : slope;
  };
  const last = x.length - 1, m = x.map((_, k) => {
    if (last === 1) return d[0];
    if (k === 0) return end(h[0], h[1], d[0], d[1]);
    if (k === last) return end(h[k - 1], h[k - 2], d[k - 1], d[k - 2]);
    if (d[k - 1] * d[k] <= 0) return 0;
    const one = 2 * h[k] + h[k - 1], two = h[k] + 2 * h[k - 1];
    return (one + two) / (one / d[k - 1] + two / d[k]);
  });
  return (at) => {
    const after = x.findIndex((knot) => knot > at), k = (after < 0 ? last : Math.max(1, after)) - 1;
    const s = (at - x[k]) / h[k], t = 1 - s;
    return t * t * (1 + 2 * s) * y[k] + s * s * (1 + 2 * t) * y[k + 1] + h[k] * s * t * (t * m[k] - s * m[k + 1]);
  };
}

function place(view, handle) {
  const v = view.values, { at, across, upward, reach, carrier } = handle;
  return [at[0] + (across === null ? 0 : v[across]), at[1] + reach * v[upward] + (carrier === null ? 0 : v[carrier])];
}

function pointsOf(view, line, index) {
  const { slopes, handles } = view.data;
  if (slopes) return line.base.map(([x, y], p) => [x, y + slopes[index][p].reduce((sum, slope, k) => sum + slope * view.values[k], 0)]);
  const knots = handles.map((handle) => place(view, handle));
  const curve = monotone(knots.map((knot) => knot[0]), knots.map((knot) => knot[1]));
  return line.base.map(([x, y], p) => [x, p < line.base.length - line.corners ? curve(x) : y]);
}

const across = (view, x) => ((x - view.data.view[0][0]) / (view.data.view[0][1] - view.data.view[0][0])) * WIDTH;
const down = (view, y) => view.tall * (1 - (y - view.data.view[1][0]) / (view.data.view[1][1] - view.data.view[1][0]));
const path = (view, points) => "M" + points.map(([x, y]) => `${across(view, x).toFixed(2)},${down(view, y).toFixed(2)}`).join("L");

function ticks([low, high]) {
  const rough = (high - low) / 5, ten = 10 ** Math.floor(Math.log10(rough));
  const step = ten * [1, 2, 5, 10].find((one) => one * ten >= rough);
  const first = Math.ceil(low / step), count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, k) => (first + k) * step);
}

function build(view) {
  const { data } = view;
  view.tall = WIDTH * data.height;
  view.svg.setAttribute("viewBox", `-70 -20 ${WIDTH + 90} ${view.tall + 70}`);
  view.svg.replaceChildren();
  view.lines = data.lines.map((line) => make("path", { class: line.role }, view.svg));
  for (const x of ticks(data.view[0]))
    make("text", { x: across(view, x), y: view.tall + 38, "text-anchor": "middle" }, view.svg).textContent = short(x);
  for (const y of ticks(data.view[1]))
    make("text", { x: -12, y: down(view, y) + 10, "text-anchor": "end" }, view.svg).textContent = short(y);
  view.ranges = data.handles.map(() => make("path", { class: "range" }, view.svg));
  view.arms = data.handles.map(() => make("path", { class: "arm" }, view.svg));
  view.dots = data.handles.map(({ upward, across: sideways, carrier }) => make("circle", {
    r: carrier === null ? 17 : 12, class: "handle", tabindex: 0, role: "slider",
    "aria-label": [sideways, upward].filter((k) => k !== null).map((k) => data.controls[k].name).join("; "),
    "aria-valuemin": data.controls[upward].limits[0], "aria-valuemax": data.controls[upward].limits[1],
  }, view.svg));
}

function draw(view) {
  const { handles, controls, lines } = view.data;
  lines.forEach((line, index) => view.lines[index].setAttribute("d", path(view, pointsOf(view, line, index)) + (line.role === "guide" ? "" : "Z")));
  handles.forEach((handle, index) => {
    const [x, y] = place(view, handle), low = y - handle.reach * view.values[handle.upward];
    const [bottom, top] = controls[handle.upward].trained.map((one) => low + handle.reach * one);
    const [left, right] = handle.across === null ? [x, x] : controls[handle.across].trained.map((one) => handle.at[0] + one);
    view.ranges[index].setAttribute("d", path(view, [[left, bottom], [left, top], [right, top], [right, bottom]]) + "Z");
    if (handle.carrier !== null) view.arms[index].setAttribute("d", path(view, [[handle.at[0] - handle.reach, low], [x, y]]));
    view.dots[index].setAttribute("cx", across(view, x));
    view.dots[index].setAttribute("cy", down(view, y));
    view.dots[index].setAttribute("aria-valuenow", view.values[handle.upward]);
  });
}

function tell(view, index) {
  const { handles, controls, unit } = view.data, chosen = handles[index];
  const numbers = chosen ? [chosen.across, chosen.upward].filter((k) => k !== null && controls[k].limits[0] < controls[k].limits[1]) : [];
  view.words.textContent = numbers.map((k) =>
    `${controls[k].name}: ${short(view.values[k])} (training cases: ${controls[k].trained.map(short).join(" to ")})`).join(" · ") || `x and y in ${unit}`;
}

function move(view, index, x, y) {
  const handle = view.data.handles[index], v = view.values, set = (k, value) => {
    v[k] = clamp(Math.round(value * 1e4) / 1e4, view.data.controls[k].limits);
  };
  set(handle.upward, (y - handle.at[1] - (handle.carrier === null ? 0 : v[handle.carrier])) / handle.reach);
  if (handle.across !== null) set(handle.across, x - handle.at[0]);
  draw(view);
  tell(view, index);
}

function send(view) {
  const { columns } = view.data, values = [];
  for (let k = 0; k < view.values.length; k += columns) values.push(view.values.slice(k, k + columns));
  view.emit("numbers", { version: view.version, values });
}

function listen(view) {
  const at = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(view.svg.getScreenCTM().inverse());
  let active = null, later = null, changed = false;
  view.svg.addEventListener("pointerdown", (event) => {
    const point = at(event), far = view.data.handles.map((handle) => {
      const [x, y] = place(view, handle);
      return Math.hypot(across(view, x) - point.x, down(view, y) - point.y);
    });
    const nearest = far.indexOf(Math.min(...far));
    if (far[nearest] > NEAR) return;
    [active, changed] = [nearest, false];
    view.dots[active].focus();
    view.svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  view.svg.addEventListener("pointermove", (event) => {
    if (active === null) return;
    const point = at(event), [[x0, x1], [y0, y1]] = view.data.view;
    changed = true;
    move(view, active, x0 + (point.x / WIDTH) * (x1 - x0), y1 - (point.y / view.tall) * (y1 - y0));
  });
  const finish = () => {
    if (active !== null && changed) send(view);
    active = null;
  };
  view.svg.addEventListener("pointerup", finish);
  view.svg.addEventListener("pointercancel", finish);
  view.svg.addEventListener("focusin", (event) => tell(view, view.dots.indexOf(event.target)));
  view.svg.addEventListener("keydown", (event) => {
    const index = view.dots.indexOf(event.target), handle = view.data.handles[index];
    const [right, up] = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0], PageUp: [0, 5], PageDown: [0, -5] }[event.key] ?? [0, 0];
    if (!handle || !(up || (right && handle.across !== null))) return;
    event.preventDefault();
    const [x, y] = place(view, handle), far = event.shiftKey ? 0.05 : 0.01;
    const size = ([low, high]) => far * (high - low);
    move(view, index, x + right * (right ? size(view.data.controls[handle.across].limits) : 0),
      y + up * Math.abs(handle.reach) * size(view.data.controls[handle.upward].limits));
    clearTimeout(later);
    later = setTimeout(() => send(view), 350);
  });
}

export default function ({ data, parentElement, setStateValue }) {
  let view = parentElement.__points;
  if (!view) {
    const box = parentElement.querySelector(".draw");
    const svg = make("svg", { class: "points", role: "group", "aria-label": "Points to move. Arrow keys move the chosen one, with Shift five times as far." }, box);
    const words = box.appendChild(document.createElement("p"));
    view = parentElement.__points = { box, svg, words, version: null };
    listen(view);
  }
  view.emit = setStateValue;
  view.data = data;
  if (view.version !== data.version) {
    view.version = data.version;
    view.values = [...data.values];
    build(view);
    draw(view);
    tell(view, -1);
  }
  view.box.dataset.ready = "1";
}
