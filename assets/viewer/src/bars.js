// Color bars: on the page, and drawn into a saved picture.
import { gradient, mixStops } from "./colors.js";
import { el } from "./dom.js";
import { many, number, ticks, withUnit } from "./format.js";

const PIXELS_A_TICK = 64;
const PIXELS_A_LETTER = 6.5;
const GAP = 8;

const heading = (panel) => (panel.unit ? `${panel.name} (${panel.unit})` : panel.name);

/** Tells whether two panels can share one bar. */
export function sharesBar(first, second) {
  const key = (panel) => JSON.stringify([panel.kind, panel.name, panel.unit, panel.limits, panel.palette, panel.log]);
  return second.kind === "field" && key(first) === key(second);
}

/** Returns a bar of at most so many pixels for what colors a panel, or an empty line. */
export function bar(panel, colors, width, levelText) {
  if (panel.kind === "plain") return el("div", { class: "bar" });
  if (panel.kind === "labels") {
    const dots = el("span", { class: "dots" });
    for (const color of colors.patches.slice(0, 5)) {
      const dot = el("i");
      dot.style.background = color;
      dots.append(dot);
    }
    return el("div", { class: "bar" }, el("div", { class: "legend" }, dots, levelText));
  }
  const scale = el("div", { class: "scale" });
  scale.style.background = gradient(colors.palettes[panel.palette]);
  const marks = el("div", { class: "marks" });
  for (const { share, text } of placed(panel, width)) {
    const mark = el("span", {}, text);
    mark.style.left = `${100 * share}%`;
    marks.append(mark);
  }
  const body = el("div", { class: "body" }, scale, marks);
  body.style.width = `${width}px`;
  return el("div", { class: "bar" }, el("div", { class: "name" }, heading(panel)), body);
}

/** Ticks with their places from 0 to 1, as many as there is room for their texts. */
function placed({ limits: [low, high], log }, width) {
  if (log) return powers(low, high, width);
  let wanted = Math.max(2, Math.floor(width / PIXELS_A_TICK));
  let found = ticks(low, high, wanted);
  while (wanted > 1 && !haveRoom(found, width / (high - low))) found = ticks(low, high, (wanted -= 1));
  return found.map(({ value, text }) => ({ text, share: high > low ? (value - low) / (high - low) : 0.5 }));
}

/** The powers of ten of a logarithmic bar, as many as there is room for. */
function powers(low, high, width) {
  const first = Math.ceil(low - 1e-6);
  const all = Array.from({ length: Math.floor(high + 1e-6) - first + 1 }, (_, step) => first + step);
  const each = Math.max(1, Math.ceil((all.length * PIXELS_A_TICK) / width));
  return all.filter((_, i) => i % each === 0).map((power) => ({ text: number(10 ** power, 1), share: (power - low) / (high - low) }));
}

function haveRoom(found, scale) {
  if (found.length < 2) return true;
  const longest = Math.max(...found.map(({ text }) => text.length));
  return PIXELS_A_LETTER * longest + GAP <= scale * (found[1].value - found[0].value);
}

/** What a legend says of groups at a level. */
export function legend(panel, level) {
  const { name } = panel;
  if (panel.kind !== "labels") return "";
  const differ = panel.differ.at(-1) ? "; touching ones differ in color" : "";
  if (!level || level.isLast) return `${many(panel.count, name)}${differ}`;
  return `${many(level.count, "ball")} at level ${level.index + 1}`;
}

/** Draws a bar into a picture. */
export function paintBar(pen, panel, colors, { x, y, width, ink, font, text }) {
  pen.fillStyle = ink;
  pen.textAlign = "center";
  pen.textBaseline = "top";
  pen.font = `12px ${font}`;
  if (panel.kind === "labels") return pen.fillText(text, x + width / 2, y + 10);
  if (panel.kind !== "field") return undefined;
  const length = Math.min(width - 40, 320);
  const left = x + (width - length) / 2;
  pen.fillText(heading(panel), x + width / 2, y);
  for (let column = 0; column < length; column += 1) {
    pen.fillStyle = `rgb(${mixStops(colors.palettes[panel.palette], column / (length - 1)).join(",")})`;
    pen.fillRect(left + column, y + 17, 1.5, 9);
  }
  pen.fillStyle = ink;
  for (const { share, text: mark } of placed(panel, length)) pen.fillText(mark, left + share * length, y + 29);
  return undefined;
}

/** Says in words what a panel shows. */
export function describe(panel) {
  const title = panel.title ? `${panel.title}: ` : "";
  if (panel.kind === "plain") return `${title}points`;
  if (panel.kind === "labels") return `${title}${many(panel.count, panel.name)}`;
  const [low, high] = panel.limits;
  const [first, last] = panel.log ? [low, high].map((power) => number(10 ** power)) : ticksOfLimits(low, high);
  return `${title}${panel.name} from ${first} to ${withUnit(last, panel.unit)}`;
}

function ticksOfLimits(low, high) {
  return [low, high].map((value) => Number(value.toPrecision(3)).toString().replace("-", "−"));
}
