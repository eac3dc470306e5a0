// Where panels stand on the stage, with their titles and color bars.
import { bar, legend, sharesBar } from "./bars.js";
import { el, fill } from "./dom.js";

const NARROWEST = 250; // pixels of a panel before panels are stacked
const SHARE = 0.6; // of the window's height
const [SHORTEST, TALLEST] = [360, 1100]; // pixels
const FLATTEST = 0.62; // height of a panel over its width, where panels are stacked
const SHAPE = 1.15; // a panel is slightly wider than tall
const AIR = 1.12; // height of a panel over that of what it shows, where that is much wider than tall
const WIDEST = 4; // or as much wider as what it shows
const [TITLE, BAR, GAP] = [23, 46, 6]; // pixels around a panel

export class Grid {
  constructor() {
    this.element = el("div", { class: "grid" });
    this.cells = [];
    this.runs = [];
  }

  /** What the pointer moves over, panel by panel. */
  get pads() {
    return this.cells.map(({ pad }) => pad);
  }

  /** Takes on the panels that are seen, the first under a title of its own if it has one; cells stay as long as their places do. */
  layOut(panels, seen, columns, first = "") {
    this.panels = seen.map((i) => panels[i]);
    this.columns = columns;
    this.runs = runsOf(this.panels, columns);
    const key = JSON.stringify([seen, panels.length, columns, this.runs]);
    if (key !== this.key) {
      this.key = key;
      this.#make();
    }
    const hasTitles = this.panels.some(({ title }) => title);
    this.cells.forEach(({ title }, place) => {
      title.textContent = (place === 0 && first) || this.panels[place].title;
      title.style.display = hasTitles ? "" : "none";
    });
  }

  #make() {
    const { columns, runs } = this;
    const at = (element, row, column, span = 1) => {
      element.style.gridArea = `${row} / ${column + 1} / auto / span ${span}`;
      return element;
    };
    this.cells = this.panels.map((_, place) => {
      const [row, column] = [3 * Math.floor(place / columns) + 1, place % columns];
      return { title: at(el("div", { class: "title" }), row, column), pad: at(el("div", { class: "pad" }), row + 1, column) };
    });
    this.holders = runs.map(({ first, span }) =>
      at(el("div", { class: "holder" }), 3 * Math.floor(first / columns) + 3, first % columns, span),
    );
    fill(this.element, ...this.cells.flatMap(({ title, pad }) => [title, pad]), ...this.holders);
    this.element.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    const rows = Math.ceil(this.panels.length / columns);
    this.element.style.gridTemplateRows = `repeat(${rows}, auto minmax(0, 1fr) auto)`;
  }

  /** Draws the color bars, one for neighbors that have the same. */
  layBars(colors, stageWidth, levelOf) {
    this.runs.forEach(({ first, span }, place) => {
      const panel = this.panels[first];
      const width = Math.round(Math.max(90, Math.min((span * stageWidth) / this.columns - 56, span > 1 ? 440 : 320)));
      fill(this.holders[place], panel.kind === "plain" ? null : bar(panel, colors, width, legend(panel, levelOf(panel))));
    });
  }
}

/**
 * Returns which neighbors share a bar: the first of them and their number. In a single column only
 * the last of them has it.
 */
function runsOf(panels, columns) {
  const runs = [];
  panels.forEach((panel, place) => {
    const before = panels[place - 1];
    const same = before && sharesBar(before, panel);
    if (same && columns === 1) runs.at(-1).first = place;
    else if (same && place % columns) runs.at(-1).span += 1;
    else runs.push({ first: place, span: 1 });
  });
  return runs;
}

/**
 * Returns the number of columns and the height in pixels of a viewer: a share of the window's
 * height, and more where panels have to be stacked. `aspect` is the width over the height of what is
 * shown.
 */
export function planOf(panels, { width, around, window: tall, aspect }) {
  const wanted = Math.min(Math.max(SHARE * tall, SHORTEST), TALLEST);
  const columns = bestColumns(panels.length, width, wanted - around, aspect);
  const rows = Math.ceil(panels.length / columns);
  const isFlat = aspect > SHAPE;
  const pad = Math.min((isFlat ? AIR / aspect : FLATTEST) * (width / columns), Math.max(210, 0.32 * tall));
  const stacked = rows * (pad + TITLE + GAP) + (columns === 1 ? runsOf(panels, 1).length : rows) * BAR + around;
  if (isFlat) return { columns, height: Math.round(Math.max(Math.min(wanted, stacked), rows > 1 ? stacked : SHORTEST)) };
  return { columns, height: Math.round(rows > 1 ? Math.max(wanted, stacked) : wanted) };
}

/** Number of columns that leaves panels nearest to the shape of what they show. */
export function bestColumns(panels, width, height, shown = SHAPE) {
  const wanted = Math.min(Math.max(shown, SHAPE), WIDEST);
  let [best, least] = [1, Infinity];
  for (let columns = 1; columns <= panels; columns += 1) {
    const rows = Math.ceil(panels / columns);
    const aspect = width / columns / Math.max(height / rows - 70, 40);
    const cost = Math.abs(Math.log(aspect / wanted)) + (columns > 1 && width / columns < NARROWEST ? 9 : 0) + 0.3 * (rows * columns - panels);
    if (cost < least) [best, least] = [columns, cost];
  }
  return best;
}
