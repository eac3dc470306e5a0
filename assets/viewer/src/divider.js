// A line between two panels in one place: the first left of it, the second right, moved by hand.
import { el } from "./dom.js";

const STEP = 0.02; // of the width, for a key

export class Divider {
  constructor(view) {
    this.view = view;
    this.share = 0.5;
    this.element = el("div", {
      class: "divider",
      role: "slider",
      tabIndex: 0,
      title: "Drag, or ← and →",
      "aria-label": "Line between the two shapes, in percent of the width",
      "aria-valuemin": "0",
      "aria-valuemax": "100",
    }, el("i"));
    this.element.addEventListener("pointerdown", (event) => {
      this.element.setPointerCapture(event.pointerId);
      this.element.focus();
      event.stopPropagation(); // the camera stays
    });
    this.element.addEventListener("pointermove", (event) => {
      if (!this.element.hasPointerCapture(event.pointerId)) return;
      const box = this.element.parentElement.getBoundingClientRect();
      this.move((event.clientX - box.left) / box.width);
    });
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Stands on the pad of the first panel where a scene is divided, and nowhere else. */
  take(pad) {
    if (!pad) return this.element.remove();
    if (this.element.parentElement !== pad) pad.append(this.element);
    return this.#place();
  }

  move(share) {
    this.share = Math.min(Math.max(share, 0), 1);
    this.#place();
    this.view.pointer.hide();
    this.view.draw();
  }

  #place() {
    this.element.style.left = `${100 * this.share}%`;
    this.element.setAttribute("aria-valuenow", String(Math.round(100 * this.share)));
  }

  #onKey(event) {
    const places = {
      ArrowLeft: this.share - STEP,
      ArrowRight: this.share + STEP,
      Home: 0,
      End: 1,
    };
    if (!(event.key in places)) return;
    this.move(places[event.key]);
    event.preventDefault();
    event.stopPropagation();
  }
}
