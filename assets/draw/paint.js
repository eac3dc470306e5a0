// A map of two values painted cell by cell. Row 0 is at the bottom, as in the data.
const SIZES = [1, 3, 5, 9, 15, 25];

function build(root) {
  const box = root.querySelector(".draw");
  box.innerHTML = `
    <div class="tools" role="toolbar" aria-label="Brush">
      <button type="button" data-value="1" aria-pressed="true"><i></i><span></span></button>
      <button type="button" data-value="0" aria-pressed="false"><i></i><span></span></button>
      <label>Brush <input type="range" min="0" max="5" value="3" aria-label="Size of the brush"></label>
      <button type="button" data-do="fill">Fill</button>
      <button type="button" data-do="undo">Undo</button>
    </div>
    <canvas class="map" tabindex="0" role="application"
      aria-label="Map to paint. Arrow keys move the brush, Shift moves it faster, Space paints."></canvas>`;
  const canvas = box.querySelector("canvas");
  return { box, canvas, pen: canvas.getContext("2d"), value: 1, size: SIZES[3], cursor: null, past: [], version: null };
}

function draw(view) {
  const { size, colors } = view.data, scale = 6, pen = view.pen;
  if (view.canvas.width !== size * scale) view.canvas.width = view.canvas.height = size * scale;
  pen.fillStyle = colors[0];
  pen.fillRect(0, 0, size * scale, size * scale);
  pen.fillStyle = colors[1];
  view.cells.forEach((cell, index) => {
    if (cell) pen.fillRect((index % size) * scale, (size - 1 - Math.floor(index / size)) * scale, scale, scale);
  });
  if (!view.cursor) return;
  const [column, row] = view.cursor;
  pen.strokeStyle = view.accent;
  pen.lineWidth = 2.5;
  pen.beginPath();
  pen.arc((column + 0.5) * scale, (size - row - 0.5) * scale, (view.size * scale) / 2 + 1, 0, 7);
  pen.stroke();
}

function dab(view, column, row) {
  const { size } = view.data, reach = view.size / 2;
  for (let v = Math.max(0, Math.ceil(row - reach)); v <= Math.min(size - 1, row + reach); v += 1)
    for (let u = Math.max(0, Math.ceil(column - reach)); u <= Math.min(size - 1, column + reach); u += 1)
      if (Math.hypot(u - column, v - row) <= reach) view.cells[v * size + u] = view.value;
}

function stroke(view, [column, row]) {
  const [u, v] = view.cursor ?? [column, row];
  const steps = Math.max(1, Math.ceil(Math.hypot(column - u, row - v)));
  for (let step = 1; step <= steps; step += 1)
    dab(view, Math.round(u + ((column - u) * step) / steps), Math.round(v + ((row - v) * step) / steps));
  view.cursor = [column, row];
}

const remember = (view) => {
  view.past = [...view.past.slice(-19), Uint8Array.from(view.cells)];
};
const send = (view) => view.emit("map", { version: view.version, cells: Array.from(view.cells) });

function listen(view) {
  const { canvas, box } = view;
  const at = (event) => {
    const area = canvas.getBoundingClientRect(), { size } = view.data;
    const cell = (share) => Math.min(size - 1, Math.max(0, Math.floor(share * size)));
    return [cell((event.clientX - area.left) / area.width), cell(1 - (event.clientY - area.top) / area.height)];
  };
  let down = false, later = null;
  canvas.addEventListener("pointerdown", (event) => {
    down = true;
    remember(view);
    canvas.setPointerCapture(event.pointerId);
    view.cursor = null;
    stroke(view, at(event));
    draw(view);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (down) stroke(view, at(event));
    else view.cursor = at(event);
    draw(view);
  });
  const finish = () => {
    if (down) send(view);
    down = false;
  };
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", finish);
  canvas.addEventListener("pointerleave", () => {
    if (down) return;
    view.cursor = null;
    draw(view);
  });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    const { size } = view.data, [column, row] = view.cursor ?? [size >> 1, size >> 1];
    const far = event.shiftKey ? 5 : 1, clamp = (value) => Math.min(size - 1, Math.max(0, value));
    if (move) view.cursor = [clamp(column + far * move[0]), clamp(row + far * move[1])];
    else {
      remember(view);
      dab(view, column, row);
      view.cursor = [column, row];
      clearTimeout(later);
      later = setTimeout(() => send(view), 350);
    }
    draw(view);
  });
  box.querySelector("input").addEventListener("input", (event) => {
    view.size = SIZES[event.target.value];
  });
  box.querySelector(".tools").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.value) {
      view.value = Number(button.dataset.value);
      box.querySelectorAll("[data-value]").forEach((other) => other.setAttribute("aria-pressed", other === button));
      return;
    }
    if (button.dataset.do === "undo" && !view.past.length) return;
    if (button.dataset.do === "undo") view.cells = view.past.pop();
    else {
      remember(view);
      view.cells.fill(view.value);
    }
    draw(view);
    send(view);
  });
}

export default function ({ data, parentElement, setStateValue }) {
  let view = parentElement.__map;
  const fresh = !view;
  if (fresh) view = parentElement.__map = build(parentElement);
  view.emit = setStateValue;
  view.data = data;
  view.accent = getComputedStyle(parentElement.host).getPropertyValue("--st-primary-color") || "black";
  view.box.querySelectorAll("[data-value]").forEach((button) => {
    const value = Number(button.dataset.value);
    button.querySelector("i").style.background = data.colors[value];
    button.querySelector("span").textContent = data.labels[value];
  });
  if (view.version !== data.version) {
    view.version = data.version;
    view.cells = Uint8Array.from(data.cells);
    view.past = [];
  }
  if (fresh) listen(view);
  draw(view);
  view.box.dataset.ready = "1";
}
