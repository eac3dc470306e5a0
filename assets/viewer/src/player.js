// Times shown one after the other, all in the browser: buttons, a slider, and curves over time.
import { el, fill, iconButton, setIcon } from "./dom.js";
import { number, ticks, withUnit } from "./format.js";

const WHOLE = 5000; // ms from the first to the last time, at normal speed
const [SHORTEST, LONGEST] = [120, 600]; // ms of one time, at normal speed
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const REST = 350; // ms without a step until Python is told
const [HEIGHT, ABOVE, BELOW] = [92, 8, 20]; // pixels of the curves, and round what they lie in
const [LEFT, RIGHT] = [52, 14];
const STEEP = 30; // largest over smallest value of a curve from which on its axis is logarithmic

export class Player {
  constructor(view) {
    this.view = view;
    this.index = 0;
    this.speed = 1;
    this.button = iconButton("play", "Play (space)", () => this.toggle());
    this.button.classList.add("onward");
    this.says = el("output", { class: "says now" });
    this.tells = el("span", { class: "says" });
    this.speeds = el("select", { "aria-label": "Speed", title: "Speed", onchange: () => this.#setSpeed() });
    fill(this.speeds, ...SPEEDS.map((one) => el("option", { value: String(one), selected: one === 1 }, `${one}×`)));
    const row = el(
      "div",
      { class: "controls" },
      iconButton("previous", "Step back (←)", () => this.step(-1)),
      this.button,
      iconButton("next", "Step forward (→)", () => this.step(1)),
      this.says,
      this.tells,
      this.speeds,
    );
    this.slider = el("input", { type: "range", min: "0", step: "1", "aria-label": "Time" });
    this.slider.addEventListener("input", () => this.show(Number(this.slider.value), { told: true }));
    this.slider.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      this.toggle();
      event.preventDefault();
    });
    this.chart = el("div", { class: "curves" });
    this.chart.addEventListener("pointerdown", (event) => this.#seize(event));
    this.chart.addEventListener("pointermove", (event) => event.buttons && this.#seize(event));
    this.element = el("div", { class: "player", role: "group", "aria-label": "Player" }, row, this.chart, this.slider);
    this.element.style.display = "none";
  }

  get plays() {
    return Boolean(this.timer);
  }

  /** Takes on the times of a scene; stays at the time that is shown unless Python names another. */
  take(header, samePoints) {
    const before = this.told;
    this.told = header.player;
    this.element.style.display = this.told ? "" : "none";
    if (!this.told) return this.pause();
    const { times, start } = this.told;
    const same = samePoints && before && String(before.times) === String(times);
    if (!same) this.pause();
    // Python sends back the time it was told of, when this may have gone on; another is its own wish.
    if (!same || start !== this.reported) this.index = start;
    this.reported = start;
    this.slider.max = String(times.length - 1);
    this.#plot();
    return undefined;
  }

  toggle() {
    if (this.plays) this.pause({ told: true });
    else this.play();
  }

  play() {
    const { times } = this.told;
    const pace = Math.min(Math.max(WHOLE / times.length, SHORTEST), LONGEST) / this.speed;
    clearTimeout(this.resting);
    this.timer = setInterval(() => this.show((this.index + 1) % times.length), pace);
    this.show((this.index + 1) % times.length);
    this.#label();
  }

  /** Stops; Python is told of the time if a person has stopped it. */
  pause({ told = false } = {}) {
    clearInterval(this.timer);
    this.timer = 0;
    this.#label();
    if (told) this.#report();
  }

  step(by) {
    this.pause();
    const last = this.told.times.length - 1;
    this.show(Math.min(Math.max(this.index + by, 0), last), { told: true });
  }

  /** Shows a time; Python is told once nothing moves any longer. */
  show(index, { told = false } = {}) {
    if (told && this.plays) this.pause();
    this.index = index;
    this.view.setTime(index);
    this.mark();
    if (told) this.#report();
  }

  /** The time in words, with its unit. */
  words(index = this.index) {
    const { times, unit } = this.told;
    return `t = ${withUnit(plain(times[index]), unit)}`;
  }

  /** Writes down which time is shown. */
  mark() {
    if (!this.told) return;
    const { times, curves, curveUnit, title } = this.told;
    this.says.textContent = `${this.words()} · ${this.index + 1} of ${times.length}`;
    const numbers = curves.map(({ name, values }) => {
      const value = values[this.index];
      const text = value === null ? "no value" : withUnit(number(value), curveUnit);
      return curves.length > 1 ? `${name} ${text}` : text;
    });
    this.tells.textContent = numbers.length ? `${title}: ${numbers.join(", ")}` : "";
    this.slider.value = String(this.index);
    this.slider.setAttribute("aria-valuetext", [this.words(), this.tells.textContent].filter(Boolean).join("; "));
    this.view.root.dataset.time = String(this.index);
    this.#markPlot();
  }

  #label() {
    setIcon(this.button, this.plays ? "pause" : "play");
    const words = this.plays ? "Pause (space)" : "Play (space)";
    this.button.title = words;
    this.button.setAttribute("aria-label", words);
  }

  #setSpeed() {
    this.speed = Number(this.speeds.value);
    if (!this.plays) return;
    this.pause();
    this.play();
  }

  #report() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (this.view.dropped || this.plays || this.reported === this.index) return;
      this.reported = this.index;
      this.view.component.setTriggerValue("time", this.index);
    }, REST);
  }

  // --- curves --------------------------------------------------------------------------------------

  /** Draws the curves; call it again after a change of size. */
  plot() {
    if (this.told) this.#plot();
  }

  #plot() {
    const { times, curves } = this.told;
    const width = this.view.root.clientWidth;
    this.chart.style.display = curves.length && width ? "" : "none";
    this.slider.style.margin = curves.length ? `0 ${RIGHT - 8}px 0 ${LEFT - 8}px` : "0";
    if (!curves.length || !width) return this.mark();
    this.axis = valueAxis(curves.flatMap(({ values }) => values));
    this.across = (index) => LEFT + ((width - LEFT - RIGHT) * (times[index] - times[0])) / (times.at(-1) - times[0] || 1);
    this.up = (value) => HEIGHT - BELOW - (HEIGHT - ABOVE - BELOW) * this.axis.share(value);
    const picture = shape("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" });
    for (const { value, text } of this.axis.marks) {
      const y = this.up(value);
      picture.append(shape("line", { class: "rule", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }));
      picture.append(words(withUnit(text, this.told.curveUnit), { x: LEFT - 6, y: y + 4, "text-anchor": "end" }));
    }
    const most = Math.max(2, Math.floor((width - LEFT - RIGHT) / 70));
    const each = times.map((value) => ({ value, text: plain(value) }));
    for (const { value, text } of times.length <= most ? each : ticks(times[0], times.at(-1), most)) {
      const x = LEFT + ((width - LEFT - RIGHT) * (value - times[0])) / (times.at(-1) - times[0] || 1);
      picture.append(words(text, { x, y: HEIGHT - 5, "text-anchor": "middle" }));
    }
    curves.forEach(({ values }, i) => picture.append(...this.#line(values, `curve of-${i}`)));
    this.cursor = shape("line", { class: "cursor", y1: ABOVE - 6, y2: HEIGHT - BELOW });
    this.dots = curves.map((_, i) => shape("circle", { class: `dot of-${i}`, r: 4.5 }));
    picture.append(this.cursor, ...this.dots);
    fill(this.chart, picture);
    return this.mark();
  }

  /** Lines between neighboring values, and a dot for each value. */
  #line(values, kind) {
    const at = (i) => `${this.across(i).toFixed(1)},${this.up(values[i]).toFixed(1)}`;
    const path = values.map((value, i) => (value === null ? "" : `${i && values[i - 1] !== null ? "L" : "M"}${at(i)}`));
    const dots = values.map((value, i) => value !== null && shape("circle", { class: kind.replace("curve", "bead"), cx: this.across(i), cy: this.up(value), r: 2 }));
    return [shape("path", { class: kind, d: path.join("") }), ...dots.filter(Boolean)];
  }

  #markPlot() {
    if (!this.cursor) return;
    const x = this.across(this.index);
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    this.dots.forEach((dot, i) => {
      const value = this.told.curves[i]?.values[this.index] ?? null;
      dot.style.display = value === null ? "none" : "";
      dot.setAttribute("cx", x);
      if (value !== null) dot.setAttribute("cy", this.up(value));
    });
  }

  /** Shows the time nearest to where the curves are clicked. */
  #seize(event) {
    const x = event.clientX - this.chart.getBoundingClientRect().left;
    const far = this.told.times.map((_, i) => Math.abs(this.across(i) - x));
    this.show(far.indexOf(Math.min(...far)), { told: true });
  }

  drop() {
    clearInterval(this.timer);
    clearTimeout(this.resting);
  }
}

/** Axis for some values, null where there is none: from zero, or logarithmic where they differ much. */
function valueAxis(values) {
  const known = values.filter((value) => value !== null);
  const positive = known.filter((value) => value > 0);
  const [least, most] = [Math.min(...positive), Math.max(...known, 0)];
  if (positive.length && most / least > STEEP) {
    const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
    const each = Math.ceil((high - low) / 3);
    const marks = Array.from({ length: Math.floor((high - low) / each) + 1 }, (_, step) => 10 ** (low + step * each));
    return {
      share: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low),
      marks: marks.map((value) => ({ value, text: number(value, 1) })),
    };
  }
  const high = most > 0 ? 1.08 * most : 1;
  return { share: (value) => value / high, marks: ticks(0, high, 2) };
}

const plain = (value) => Number(value.toPrecision(4)).toString().replace("-", "−");

function shape(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function words(text, attributes) {
  const element = shape("text", attributes);
  element.textContent = text;
  return element;
}
