// Where panels stand on the stage, with their titles and color bars.
import { bar, legend, shareBar } from "./bars.js";
import { el, fill } from "./dom.js";

const NARROWEST = 250; // pixels of a panel before panels are stacked

export class Grid {
  constructor() {
    this.element = el("div", { class: "grid" });
    this.sharedBar = el("div");
    this.cells = [];
  }

  /** What the pointer moves over, panel by panel. */
  get pads() {
    return this.cells.map(({ pad }) => pad);
  }

  /** Takes on the panels that are seen; cells stay as long as their places do. */
  layOut(panels, seen, stage) {
    this.panels = seen.map((i) => panels[i]);
    this.columns = bestColumns(seen.length, stage.clientWidth, stage.clientHeight);
    const key = JSON.stringify([seen, panels.length, this.columns]);
    if (key !== this.key) {
      this.key = key;
      this.cells = seen.map(() => {
        const [title, pad, bar] = [el("div", { class: "title" }), el("div", { class: "pad" }), el("div")];
        return { title, pad, bar, cell: el("div", { class: "cell" }, title, pad, bar) };
      });
      fill(this.element, ...this.cells.map(({ cell }) => cell));
      this.element.style.gridTemplateColumns = `repeat(${this.columns}, minmax(0, 1fr))`;
      this.element.style.gridAutoRows = "minmax(0, 1fr)";
    }
    const hasTitles = this.panels.some(({ title }) => title);
    this.cells.forEach(({ title }, place) => {
      title.textContent = this.panels[place].title;
      title.style.display = hasTitles ? "" : "none";
    });
  }

  /** Draws the color bars: one for all panels where they can share it. */
  layBars(colors, stageWidth, levelOf) {
    if (!this.cells.length) return;
    const { panels } = this;
    const shares = shareBar(panels);
    const wide = shares ? stageWidth : stageWidth / this.columns;
    const width = Math.round(Math.max(90, Math.min(wide - 56, 320)));
    const make = (panel) => bar(panel, colors, width, legend(panel, levelOf(panel)));
    const bare = panels.every((panel) => panel.kind === "plain");
    this.cells.forEach((cell, place) => {
      const made = shares || bare ? el("div") : make(panels[place]);
      cell.bar.replaceWith(made);
      cell.bar = made;
    });
    fill(this.sharedBar, shares ? make(panels[0]) : null);
    const kinds = new Set(panels.map((panel) => panel.kind));
    if (!shares && kinds.size > 1) for (const cell of this.cells) cell.bar.style.minHeight = "47px";
  }
}

/** Number of columns that leaves panels nearest to a shape slightly wider than tall. */
function bestColumns(panels, width, height) {
  let [best, least] = [1, Infinity];
  for (let columns = 1; columns <= panels; columns += 1) {
    const rows = Math.ceil(panels / columns);
    const aspect = width / columns / Math.max(height / rows - 70, 40);
    const cost = Math.abs(Math.log(aspect / 1.15)) + (columns > 1 && width / columns < NARROWEST ? 9 : 0) + 0.3 * (rows * columns - panels);
    if (cost < least) [best, least] = [columns, cost];
  }
  return best;
}
