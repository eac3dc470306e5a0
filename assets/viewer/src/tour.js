// A guided tour: stops that move the camera and change what is shown, all in the browser.
import { el, fill, iconButton } from "./dom.js";

export class Tour {
  constructor(view) {
    this.view = view;
    this.stops = [];
    this.current = 0;
    this.list = el("ol");
    this.caption = el("div", { class: "caption", "aria-live": "polite" });
    this.previous = iconButton("previous", "Previous stop", () => this.go(this.current - 1));
    this.next = iconButton("next", "Next stop", () => this.go(this.current + 1));
    this.next.classList.add("onward");
    const row = el("div", { class: "stops" }, this.previous, this.list, this.next);
    this.element = el("div", { class: "tour", role: "group", "aria-label": "Guided tour" }, row, this.caption);
    this.element.style.display = "none";
  }

  /** Takes on the stops of a scene; stays at the same one if the cloud does. */
  take(header, sameCloud) {
    this.stops = header.tour;
    this.element.style.display = this.stops.length ? "" : "none";
    if (!this.stops.length) return;
    this.place = `mspt-stop-${header.geometry}`;
    fill(this.list, ...this.stops.map((stop, i) => this.#button(stop, i)));
    const kept = sameCloud ? this.current : Number(sessionStorage.getItem(this.place) ?? 0);
    this.current = Math.min(Math.max(kept, 0), this.stops.length - 1);
    const roamed = this.view.eye.moved;
    if (!sameCloud) this.#show(false, !roamed);
    else this.#mark();
  }

  #button(stop, i) {
    const button = el("button", { class: "stop", type: "button", title: stop.title }, el("b", {}, String(i + 1)), el("span", {}, stop.title));
    button.addEventListener("click", () => this.go(i));
    return el("li", {}, button);
  }

  go(index) {
    if (index < 0 || index >= this.stops.length) return;
    this.current = index;
    sessionStorage.setItem(this.place, String(index));
    delete this.view.root.dataset.ready;
    this.#show(true, true);
  }

  #show(animated, moves) {
    const stop = this.stops[this.current];
    const { view } = this;
    view.choosePanels(stop.panels);
    view.setLayers(stop.layers);
    view.setLevel(stop.level ?? view.numLevels - 1);
    if (moves) this.stand(animated);
    this.#spread(stop.explode, animated);
    this.#mark();
    view.draw();
  }

  /** Moves the camera to where the stop wants it. */
  stand(animated) {
    const stop = this.stops[this.current];
    this.view.eye.moved = false;
    this.view.eye.explode = this.view.cloud.groups ? stop.explode : 0;
    this.view.eye.stand(stop.direction, stop.distance, animated);
  }

  #spread(explode, animated) {
    const { view } = this;
    cancelAnimationFrame(this.spreading);
    this.spreading = 0;
    const from = view.explode;
    if (!animated || from === explode || matchMedia("(prefers-reduced-motion: reduce)").matches) return view.setExplode(explode);
    const begun = performance.now();
    const step = (now) => {
      const share = Math.min(Math.max((now - begun) / 600, 0), 1);
      this.spreading = share < 1 ? requestAnimationFrame(step) : 0;
      view.setExplode(from + (explode - from) * share * share * (3 - 2 * share));
    };
    this.spreading = requestAnimationFrame(step);
    return undefined;
  }

  #mark() {
    [...this.list.children].forEach(({ firstChild: button }, i) => {
      if (i === this.current) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
    this.previous.disabled = this.current === 0;
    this.next.disabled = this.current === this.stops.length - 1;
    const text = this.stops[this.current].caption;
    if (this.caption.textContent !== text) this.caption.textContent = text;
  }
}
