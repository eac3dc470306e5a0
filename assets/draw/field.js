// A smooth field on a torus: an example, and Gaussian blobs added to it. Row 0 is at the bottom.
const SIDE = 512, NEAR = 0.035;

// A Gaussian on a ring of length 1, at the points k / size.
const bump = (size, middle, width) => Array.from({ length: size }, (_, k) =>
  [-1, 0, 1].reduce((sum, turn) => sum + Math.exp(-((k / size - middle + turn) ** 2) / (2 * width * width)), 0));
const mean = (values) => values.reduce((sum, one) => sum + one, 0) / values.length;

function valuesOf(view) {
  const { start, largest, size } = view.data;
  const values = start.map((step) => (step * largest) / 127);
  for (const [x, y, width, strength] of view.blobs) {
    const along = bump(size, x, width), up = bump(size, y, width), level = mean(along) * mean(up);
    for (let k = 0; k < values.length; k += 1) values[k] += strength * (along[k % size] * up[Math.floor(k / size)] - level);
  }
  return values;
}

function colorAt(colors, share) {
  const place = share * (colors.length - 1), k = Math.min(colors.length - 2, Math.floor(place));
  const [one, two] = [colors[k], colors[k + 1]].map((hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16)));
  return one.map((value, channel) => value + (two[channel] - value) * (place - k));
}

function build(root) {
  const box = root.querySelector(".draw");
  box.innerHTML = `
    <div class="tools" role="toolbar" aria-label="Blob">
      <button type="button" data-sign="1" aria-pressed="true"><i></i><span>Plus</span></button>
      <button type="button" data-sign="-1" aria-pressed="false"><i></i><span>Minus</span></button>
      <label>Strength <input type="range" data-set="strength" min="0" step="1"></label>
      <label>Width <input type="range" data-set="width" min="0" step="1"></label>
      <button type="button" data-do="undo">Undo</button>
      <button type="button" data-do="clear">Remove blobs</button>
    </div>
    <canvas class="map" width="${SIDE}" height="${SIDE}" tabindex="0" role="application"
      aria-label="Field to paint. Arrow keys move the cursor, Shift moves it faster, Space adds a blob."></canvas>
    <p></p>`;
  const canvas = box.querySelector("canvas"), small = document.createElement("canvas");
  return { box, canvas, small, words: box.querySelector("p"), pen: canvas.getContext("2d"),
    sign: 1, strength: 1, width: 1, cursor: null, active: null, past: [], version: null };
}

function draw(view) {
  const { size, colors, trained } = view.data, { pen, small } = view, values = valuesOf(view);
  const most = values.reduce((largest, one) => Math.max(largest, Math.abs(one)), 0);
  const limit = Math.max(most, trained[1]);
  small.width = small.height = size;
  const image = new ImageData(size, size);
  values.forEach((value, k) => {
    const place = 4 * ((size - 1 - Math.floor(k / size)) * size + (k % size));
    image.data.set([...colorAt(colors, 0.5 + value / (2 * limit)), 255], place);
  });
  small.getContext("2d").putImageData(image, 0, 0);
  pen.drawImage(small, 0, 0, SIDE, SIDE);
  pen.strokeStyle = view.accent;
  const ring = ([x, y], radius, width) => {
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(x * SIDE, (1 - y) * SIDE, radius, 0, 7);
    pen.stroke();
  };
  view.blobs.forEach((blob, k) => ring(blob, 6, k === view.active ? 4 : 2));
  if (view.cursor) ring(view.cursor, view.data.widths[view.width] * SIDE, 2);
  view.words.textContent = `Largest value ${most.toFixed(2)} (training cases: ${trained.map((one) => one.toFixed(2)).join(" to ")}) · ${view.blobs.length} blob${view.blobs.length === 1 ? "" : "s"}`;
}

const round = (value) => Math.round((((value % 1) + 1) % 1) * 1e4) / 1e4;
const send = (view) => view.emit("field", { version: view.version, blobs: view.blobs });
const remember = (view) => {
  view.past = [...view.past.slice(-19), view.blobs.map((blob) => [...blob])];
};

function add(view, [x, y]) {
  const { widths, strengths } = view.data;
  view.blobs.push([round(x), round(y), widths[view.width], view.sign * strengths[view.strength]]);
  view.active = view.blobs.length - 1;
}

function listen(view) {
  const { canvas, box } = view;
  const at = (event) => {
    const area = canvas.getBoundingClientRect();
    return [(event.clientX - area.left) / area.width, 1 - (event.clientY - area.top) / area.height];
  };
  let down = false, later = null;
  canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = at(event);
    down = true;
    remember(view);
    canvas.setPointerCapture(event.pointerId);
    view.active = view.blobs.findLastIndex((blob) => Math.hypot(blob[0] - x, blob[1] - y) < NEAR);
    if (view.active < 0) add(view, [x, y]);
    view.cursor = null;
    draw(view);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (down) view.blobs[view.active].splice(0, 2, round(x), round(y));
    else view.cursor = [x, y];
    draw(view);
  });
  const finish = () => {
    if (down) send(view);
    [down, view.active] = [false, null];
  };
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", finish);
  canvas.addEventListener("pointerleave", () => {
    if (down) return;
    view.cursor = null;
    draw(view);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    const far = event.shiftKey ? 0.1 : 0.02, [x, y] = view.cursor ?? [0.5, 0.5];
    view.cursor = [x, y];
    if (step) view.cursor = [round(x + far * step[0]), round(y + far * step[1])];
    else {
      remember(view);
      add(view, view.cursor);
      clearTimeout(later);
      later = setTimeout(() => send(view), 350);
    }
    draw(view);
  });
  box.addEventListener("input", (event) => {
    view[event.target.dataset.set] = Number(event.target.value);
  });
  box.querySelector(".tools").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.sign) {
      view.sign = Number(button.dataset.sign);
      box.querySelectorAll("[data-sign]").forEach((other) => other.setAttribute("aria-pressed", other === button));
      return;
    }
    if (button.dataset.do === "undo" ? !view.past.length : !view.blobs.length) return;
    if (button.dataset.do === "undo") view.blobs = view.past.pop();
    else {
      remember(view);
      view.blobs = [];
    }
    draw(view);
    send(view);
  });
}

export default function ({ data, parentElement, setStateValue }) {
  let view = parentElement.__field;
  const fresh = !view;
  if (fresh) view = parentElement.__field = build(parentElement);
  view.emit = setStateValue;
  view.data = data;
  view.accent = getComputedStyle(parentElement.host).getPropertyValue("--st-text-color") || "black";
  for (const [name, choices] of [["strength", data.strengths], ["width", data.widths]]) {
    const input = view.box.querySelector(`[data-set=${name}]`);
    input.max = choices.length - 1;
    input.value = view[name];
  }
  view.box.querySelectorAll("[data-sign] i").forEach((swatch, index) => {
    swatch.style.background = data.colors.at(index ? 0 : -1);
  });
  if (view.version !== data.version) {
    view.version = data.version;
    view.blobs = data.blobs.map((blob) => [...blob]);
    view.past = [];
  }
  if (fresh) listen(view);
  draw(view);
  view.box.dataset.ready = "1";
}
