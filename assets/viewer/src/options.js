// What stands above the picture: level of the ball tree, explode, and a switch for each layer.
import { el, fill, slider } from "./dom.js";

const POINTS = ""; // name of the points themselves

export class Options {
  constructor({ onLevel, onExplode, onSwitch }) {
    this.wanted = new Map(); // name of a layer -> whether a person wants it
    this.onSwitch = onSwitch;
    this.levels = slider("Level of the ball tree", { min: 0, max: 1, step: 1, value: 1 }, onLevel);
    this.explodes = slider("Move the patches apart", { min: 0, max: 1, step: 0.01, value: 0 }, onExplode);
    this.explodes.text.textContent = "explode";
    this.chips = el("div", { class: "chips" });
    this.element = el("div", { class: "options" }, this.levels.element, this.explodes.element, this.chips);
  }

  /** Takes on the layers of a scene; those that are known stay as a person wants them. */
  take(names, { hidden, numLevels, hasGroups }) {
    this.levels.element.style.display = numLevels > 1 ? "" : "none";
    this.levels.input.max = Math.max(numLevels - 1, 0);
    this.explodes.element.style.display = hasGroups ? "" : "none";
    const kept = [...this.chips.children].map((child) => child.dataset.layer).join("\n");
    const all = names.length ? [POINTS, ...names] : [];
    if (kept !== all.join("\n")) fill(this.chips, ...all.map((name) => this.#chip(name)));
    for (const name of all) if (!this.wanted.has(name)) this.wanted.set(name, !hidden.includes(name));
  }

  #chip(name) {
    const button = el("button", { class: "chip", type: "button" }, name || "points");
    button.addEventListener("click", () => {
      this.wanted.set(name, !this.isShown(name));
      this.onSwitch();
    });
    button.dataset.layer = name;
    return button;
  }

  isShown(name) {
    return this.wanted.get(name) ?? true;
  }

  get showsPoints() {
    return this.isShown(POINTS);
  }

  /** Shows the points, these layers and none of the others. */
  choose(names, known) {
    for (const name of known) this.wanted.set(name, names.includes(name));
    this.wanted.set(POINTS, true);
  }

  /** Writes down what is shown now. */
  press() {
    for (const button of this.chips.children) {
      button.setAttribute("aria-pressed", String(this.isShown(button.dataset.layer)));
    }
  }

  sayLevel(level, text) {
    this.levels.input.value = level;
    this.levels.text.textContent = text;
  }

  sayExplode(share) {
    this.explodes.input.value = share;
  }
}
