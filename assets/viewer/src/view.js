// The viewer: one canvas with a view for each panel, and what a person can do with it.
import { ColorManagement, LinearSRGBColorSpace, Scene, Vector2, WebGLRenderer, Color } from "three";
import * as bars from "./bars.js";
import { Eye } from "./camera.js";
import { Cloud, cloudObject, pointSize, release, valueAt } from "./cloud.js";
import { readPage, scaleTexture, toUnit } from "./colors.js";
import { el, fill, iconButton, slider } from "./dom.js";
import { count, many, number, withUnit } from "./format.js";
import { groupsOf } from "./groups.js";
import { bindKeys, helpPanel } from "./keys.js";
import { dispose, layerObject, rings } from "./layers.js";
import { fetchBlobs } from "./packet.js";
import { pointAt } from "./pick.js";
import { savePicture } from "./picture.js";
import { Tour } from "./tour.js";

ColorManagement.enabled = false;

const REST = 150; // ms without movement until all points are drawn again
const REACH = 8; // pixels round the mouse
const MESH_REACH = 14;
const BUDGET = { software: 50_000, hardware: 500_000 };
const FAST = 24; // ms a frame
const SLOW = 60;
const NARROWEST = 250; // pixels of a panel before panels are stacked

export class View {
  constructor(root) {
    this.root = root;
    this.level = null;
    this.explode = 0;
    this.shown = new Map(); // name of a layer -> whether a person wants it
    this.clicked = null;
    this.packetNumber = 0;
    this.leftovers = [];
    this.allGroups = [];
    this.#build();
    try {
      this.#startDrawing();
    } catch {
      this.broken = "This browser cannot draw in 3-D (no WebGL). A still picture is shown instead.";
    }
    this.#watch();
  }

  #build() {
    this.canvas = el("canvas");
    this.grid = el("div", { class: "grid" });
    this.tip = el("div", { class: "tip", "aria-hidden": "true" });
    this.stage = el("div", { class: "stage", role: "img", tabIndex: 0 }, this.canvas, this.grid, this.tip);
    this.levels = slider("Level of the ball tree", { min: 0, max: 1, step: 1, value: 1 }, (level) => this.setLevel(level));
    this.explodes = slider("Move the patches apart", { min: 0, max: 1, step: 0.01, value: 0 }, (share) => this.setExplode(share));
    this.explodes.text.textContent = "explode";
    this.chips = el("div", { class: "chips" });
    this.options = el("div", { class: "options" }, this.levels.element, this.explodes.element, this.chips);
    this.helpButton = iconButton("help", "Keys and mouse (H)", () => this.toggleHelp());
    const tools = el(
      "div",
      { class: "tools" },
      iconButton("reset", "Reset the view (R)", () => this.eye?.reset(true)),
      iconButton("save", "Save as picture (S)", () => this.save()),
      this.helpButton,
      iconButton("full", "Full screen", () => this.toggleFull()),
    );
    this.help = helpPanel();
    this.sharedBar = el("div");
    this.tour = new Tour(this);
    const strip = el("div", { class: "strip" }, this.options, tools);
    this.root.replaceChildren(strip, this.stage, this.sharedBar, this.tour.element, this.help);
    bindKeys(this);
  }

  #startDrawing() {
    const test = document.createElement("canvas").getContext("webgl2");
    if (!test) throw new Error("no WebGL");
    const info = test.getExtension("WEBGL_debug_renderer_info");
    const name = info ? test.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
    test.getExtension("WEBGL_lose_context")?.loseContext();
    this.software = /swiftshader|llvmpipe|software|basic render/i.test(name);
    this.renderer = new WebGLRenderer({
      canvas: this.canvas,
      antialias: !this.software,
      powerPreference: "high-performance",
    });
    this.renderer.outputColorSpace = LinearSRGBColorSpace;
    this.renderer.autoClear = false;
    this.budget = this.software ? BUDGET.software : BUDGET.hardware;
    this.scene = new Scene();
    this.eye = new Eye(() => this.draw(), {
      place: (i, explode) => this.placeOf(i, explode),
      balls: () => this.#ballsSeen(),
    });
    this.shared = {
      plain: { value: [0.5, 0.5, 0.5] }, empty: { value: [0.5, 0.5, 0.5] }, body: { value: [0.8, 0.8, 0.8] },
      accent: { value: [1, 0.5, 0] }, ink: { value: [0, 0, 0] }, background: { value: [1, 1, 1] },
      explode: { value: 0 }, shift: { value: null }, half: { value: 1 }, point: { value: 0.01 },
      least: { value: 1.5 }, most: { value: 26 }, view: { value: new Vector2(1, 1) }, pixel: { value: 1 },
      scales: Object.fromEntries(["field", "error", "magnitude", "share"].map((one) => [one, { value: null }])),
      patches: null, atLevel: null,
    };
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (this.dropped) return;
      this.#say("The graphics card has dropped this picture; it comes back by itself, or when the page is loaded again.");
    });
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.note?.remove();
      this.draw();
    });
  }

  #watch() {
    this.sizes = new ResizeObserver(() => this.#resize());
    this.sizes.observe(this.stage);
    // Streamlit changes the theme by style alone: a transition of the background tells.
    this.root.addEventListener("transitionend", (event) => {
      if (event.target === this.root && event.propertyName === "background-color") this.#theme(true);
    });
    this.stage.addEventListener("pointerleave", () => this.#hideTip());
    document.addEventListener("fullscreenchange", (this.onFull = () => this.#resize()));
  }

  /** Shows a message from Python. */
  async update(message, component) {
    const turn = (this.packetNumber += 1);
    delete this.root.dataset.ready;
    this.component = component;
    const { header } = message;
    this.root.style.height = `${header.height}px`;
    if (this.broken) return this.#showStill(header);
    let blobs;
    try {
      blobs = await fetchBlobs(message);
    } catch (error) {
      return this.#say(`Nothing can be shown: ${error.message}. Load the page again.`);
    }
    if (turn !== this.packetNumber || this.dropped) return undefined;
    this.note?.remove();
    this.#take(message, blobs);
    this.draw();
    return undefined;
  }

  #take(message, blobs) {
    const { header, array } = message;
    const samePoints = this.header?.geometry === header.geometry;
    const sameCloud = samePoints && this.header.groups === header.groups;
    const sameMarks = JSON.stringify(this.header?.marked) === JSON.stringify(header.marked);
    if (!samePoints || !sameMarks) this.clicked = null;
    this.#hideTip();
    const before = this.numLevels;
    Object.assign(this, { header, array });
    // What was drawn is let go of after the next picture, so that shaders need not be built anew.
    this.#setAside(samePoints, sameCloud);
    if (!sameCloud) {
      const groups = header.groupsIn === null ? blobs[header.groups]?.array(0) : array(header.groupsIn).slice();
      this.cloud = new Cloud(blobs[header.geometry], groups, header, samePoints ? this.cloud : null);
    }
    const known = sameCloud ? this.allGroups : [];
    const groups = groupsOf(this.cloud, header.panels, array, header.colors.light.patches, known);
    this.groups = groups.main;
    this.allGroups = [...new Set([groups.main, ...groups.panels.filter(Boolean)])];
    header.panels.forEach((panel, i) => (panel.table = groups.panels[i]?.patches.colors));
    this.shared.patches = this.groups.patches;
    this.shared.shift = this.groups.patches.shift;
    this.shared.atLevel = (level) => this.groups.atLevel(level);
    this.numLevels = Math.max(...this.allGroups.map((one) => one.numLevels), this.#sphereLevels());
    if (before !== this.numLevels || this.level === null) this.level = Math.max(this.numLevels - 1, 0);
    this.#theme(false);
    this.panelObjects = header.panels.map((panel) => cloudObject(this.cloud, panel, array, this.shared));
    this.layers = header.layers.map((layer) => {
      const object = layerObject(layer, array, blobs, this.shared, this.cloud.flat);
      return { name: layer.name, object };
    });
    this.scene.add(...this.panelObjects, ...this.layers.map(({ object }) => object));
    this.chosen = header.tour.length ? (this.chosen ?? [0]).filter((i) => i < header.panels.length) : null;
    this.#showOptions();
    this.#layOut();
    this.#measure();
    for (const groups of this.allGroups) groups.show(this.level);
    this.eye.setCloud(this.cloud, header);
    this.eye.setAspect(this.aspect);
    this.#listen();
    this.setLevel(this.level);
    this.setExplode(this.explode);
    this.tour.take(header, sameCloud);
    this.#describe();
  }

  #sphereLevels() {
    const found = this.header.layers.filter((layer) => layer.kind === "spheres" && layer.level !== null);
    return Math.max(0, ...found.map((layer) => this.array(layer.level).reduce((most, one) => Math.max(most, one), 0) + 1));
  }

  /** Takes everything drawn out of the scene; positions stay on the GPU if they serve again. */
  #setAside(keepsPositions, keepsGroups) {
    const { panelObjects = [], layers = [], allGroups, scene } = this;
    const objects = [...panelObjects, ...layers.map((layer) => layer.object)];
    objects.forEach((object) => scene.remove(object));
    if (keepsPositions) panelObjects.forEach(({ geometry }) => release(geometry, keepsGroups));
    this.leftovers.push(() => {
      objects.forEach(dispose);
      allGroups.filter((groups) => this.dropped || !this.allGroups.includes(groups)).forEach((groups) => groups.dispose());
    });
  }

  #clearLeftovers() {
    for (const clear of this.leftovers.splice(0)) clear();
  }

  /** Takes the page's colors; after a change of theme everything is drawn again. */
  #theme(redraw) {
    if (!this.header || this.broken) return;
    this.page = readPage(this.root);
    const colors = this.header.colors[this.page.dark ? "dark" : "light"];
    this.colors = colors;
    const { shared } = this;
    const paint = (uniform, color) => (uniform.value = toUnit(color));
    paint(shared.plain, colors.empty);
    paint(shared.empty, colors.empty);
    paint(shared.body, colors.body);
    paint(shared.accent, colors.accent);
    paint(shared.ink, colors.ink);
    paint(shared.background, this.page.background);
    for (const [name, stops] of Object.entries(colors.palettes)) {
      shared.scales[name].value?.dispose();
      shared.scales[name].value = scaleTexture(stops);
    }
    if (redraw) {
      this.#layBars();
      this.draw();
    }
  }

  #showOptions() {
    const { header } = this;
    const hasLevels = this.numLevels > 1;
    this.levels.element.style.display = hasLevels ? "" : "none";
    this.levels.input.max = Math.max(this.numLevels - 1, 0);
    this.explodes.element.style.display = this.cloud.groups ? "" : "none";
    const names = this.layers.map((layer) => layer.name);
    const chip = (name, text) => {
      const button = el("button", { class: "chip", type: "button" }, text);
      button.addEventListener("click", () => this.toggleLayer(name));
      button.dataset.layer = name;
      return button;
    };
    const kept = [...this.chips.children].map((child) => child.dataset.layer).join("\n");
    const wanted = names.length ? ["", ...names] : [];
    if (kept !== wanted.join("\n")) fill(this.chips, ...wanted.map((name) => chip(name, name || "points")));
    for (const name of wanted) if (!this.shown.has(name)) this.shown.set(name, !header.hidden.includes(name));
  }

  isShown(name) {
    return this.shown.get(name) ?? true;
  }

  toggleLayer(name) {
    this.shown.set(name, !this.isShown(name));
    this.#applyLayers();
    this.draw();
  }

  /** Shows these layers and no others. */
  setLayers(names) {
    for (const { name } of this.layers) this.shown.set(name, names.includes(name));
    this.shown.set("", true);
    this.#applyLayers();
  }

  #applyLayers() {
    for (const { name, object } of this.layers) {
      object.visible = this.isShown(name);
      if (object.visible) object.userData.setLevel?.(this.level);
    }
    for (const button of this.chips.children) {
      button.setAttribute("aria-pressed", String(this.isShown(button.dataset.layer)));
    }
  }

  /** Shows a level of the ball tree; the last one are the patches. */
  setLevel(level) {
    this.level = Math.min(Math.max(level, 0), Math.max(this.numLevels - 1, 0));
    for (const groups of this.allGroups) groups.show(this.level);
    this.#applyLayers();
    const isLast = this.level === this.numLevels - 1;
    const size = this.groups.size(this.level);
    const things = isLast ? many(size, this.#groupName()) : many(size, "ball");
    this.levels.input.value = this.level;
    this.levels.text.textContent = `level ${this.level + 1} of ${this.numLevels} · ${things}`;
    this.root.dataset.level = this.level;
    this.#layBars();
    this.#placeRings();
    this.draw();
  }

  #groupName() {
    return this.header.panels.find((panel) => panel.kind === "labels")?.name ?? "patch";
  }

  setExplode(share) {
    this.explode = this.cloud.groups ? share : 0;
    this.eye.explode = this.explode;
    if (this.cloud.flat) this.eye.setAspect(this.aspect);
    this.explodes.input.value = this.explode;
    this.shared.explode.value = this.explode;
    this.#placeRings();
    this.draw();
  }

  /** Place of a point where it is drawn. */
  placeOf(i, explode = this.explode) {
    const at = this.cloud.place(i, [0, 0, 0]);
    if (explode > 0 && this.cloud.groups) {
      const start = 4 * this.cloud.groups[i];
      for (let axis = 0; axis < 3; axis += 1) at[axis] += explode * this.groups.shifts[start + axis];
    }
    return at;
  }

  /** Balls of the level that are seen, four numbers each. */
  #ballsSeen() {
    const seen = this.layers.filter(({ name, object }) => object.userData.ballsAt && this.isShown(name));
    return seen.flatMap(({ object }) => [...object.userData.ballsAt(this.level)]);
  }

  #placeRings() {
    if (this.ringObject) {
      this.scene.remove(this.ringObject);
      dispose(this.ringObject);
    }
    const points = [...this.header.marked, ...(this.clicked === null ? [] : [this.clicked])];
    this.ringObject = points.length ? rings(points.map((i) => this.placeOf(i)), this.shared.accent, this.shared) : null;
    if (this.ringObject) this.scene.add(this.ringObject);
  }

  /** Panels that are seen: all, or those that a tour has chosen. */
  seen() {
    return this.chosen ?? this.header.panels.map((_, i) => i);
  }

  choosePanels(panels) {
    if (String(this.chosen) === String(panels)) return;
    this.chosen = panels;
    this.#layOut();
    this.#measure();
    this.eye.setAspect(this.aspect);
    this.#listen();
  }

  #layOut() {
    const seen = this.seen();
    const [width, height] = [this.stage.clientWidth, this.stage.clientHeight];
    this.columns = bestColumns(seen.length, width, height);
    const key = JSON.stringify([seen, this.header.panels.length, this.columns]);
    if (key !== this.gridKey) {
      this.gridKey = key;
      this.cells = seen.map(() => {
        const [title, pad, bar] = [el("div", { class: "title" }), el("div", { class: "pad" }), el("div")];
        return { title, pad, bar, cell: el("div", { class: "cell" }, title, pad, bar) };
      });
      fill(this.grid, ...this.cells.map(({ cell }) => cell));
      this.grid.style.gridTemplateColumns = `repeat(${this.columns}, minmax(0, 1fr))`;
      this.grid.style.gridAutoRows = "minmax(0, 1fr)";
      this.listening = null;
    }
    const hasTitles = seen.some((i) => this.header.panels[i].title);
    this.cells.forEach(({ title }, place) => {
      title.textContent = this.header.panels[seen[place]].title;
      title.style.display = hasTitles ? "" : "none";
    });
    this.#layBars();
  }

  #layBars() {
    if (!this.cells) return;
    const panels = this.seen().map((i) => this.header.panels[i]);
    const shares = bars.shareBar(panels);
    const wide = shares ? this.stage.clientWidth : this.stage.clientWidth / this.columns;
    const width = Math.round(Math.max(90, Math.min(wide - 56, 320)));
    const make = (panel) => bars.bar(panel, this.colors, width, bars.legend(panel, this.#levelOf(panel)));
    const bare = panels.every((panel) => panel.kind === "plain");
    this.cells.forEach((cell, place) => {
      const made = shares || bare ? el("div") : make(panels[place]);
      cell.bar.replaceWith(made);
      cell.bar = made;
    });
    fill(this.sharedBar, shares ? make(panels[0]) : null);
    const kinds = new Set(panels.map((panel) => panel.kind));
    if (!shares && kinds.size > 1) for (const { bar } of this.cells) bar.style.minHeight = "47px";
  }

  #levelOf(panel) {
    if (panel.kind !== "labels" || panel.levels.length < 2) return null;
    const own = this.allGroups.find((groups) => groups.patches.colors === panel.table);
    const index = Math.min(this.level, own.numLevels - 1);
    return { index, count: own.size(index), isLast: index === own.numLevels - 1 };
  }

  #listen() {
    const key = `${this.gridKey} ${this.cloud.flat} ${this.header.up}`;
    if (this.listening === key && this.eye.controls.length) return;
    this.listening = key;
    const moves = { onStart: () => this.#startMoving(), onEnd: () => this.#rest() };
    this.eye.listen(this.cells.map(({ pad }) => pad), moves);
    this.cells.forEach(({ pad }, place) => this.#listenTo(pad, place));
  }

  #listenTo(pad, place) {
    let down = null;
    pad.addEventListener("pointerdown", (event) => {
      this.stage.focus({ preventScroll: true });
      down = event.isPrimary && event.button === 0 ? [event.clientX, event.clientY] : null;
      this.#hideTip();
    });
    pad.addEventListener("pointerup", (event) => {
      if (down && Math.hypot(event.clientX - down[0], event.clientY - down[1]) < 4) this.#click(event, place);
      down = null;
    });
    pad.addEventListener("pointermove", (event) => {
      if (event.buttons === 0 && event.pointerType !== "touch") this.#hoverSoon(event, place);
    });
    // In a tour the page scrolls over the picture until a person has clicked into it.
    const guard = (event) => {
      const zooms = !this.header.tour.length || event.ctrlKey || this.stage.getRootNode().activeElement === this.stage;
      for (const control of this.eye.controls) control.enableZoom = zooms;
    };
    pad.addEventListener("wheel", guard, { capture: true, passive: true });
  }

  #pointUnder(event, place) {
    const box = this.cells[place].pad.getBoundingClientRect();
    return pointAt(this.cloud, this.eye.camera, this.groups.shifts, this.explode, {
      x: event.clientX - box.left,
      y: event.clientY - box.top,
      width: box.width,
      height: box.height,
      reach: this.cloud.index ? MESH_REACH : REACH,
    });
  }

  #click(event, place) {
    const point = this.#pointUnder(event, place);
    if (point < 0) return;
    this.clicked = point;
    this.#placeRings();
    this.draw();
    this.#showTip(event, place, point);
    if (!this.header.pickable) return;
    const value = { index: point, panel: this.seen()[place], points: this.cloud.count };
    this.component.setTriggerValue("pick", value);
  }

  #hoverSoon(event, place) {
    this.hoverEvent = event;
    if (this.hovering) return;
    const wait = this.cloud.count > 200_000 ? 60 : 16;
    this.hovering = setTimeout(() => {
      this.hovering = 0;
      if (!this.header || this.dropped || !this.hoverEvent) return;
      const point = this.#pointUnder(this.hoverEvent, place);
      this.cells[place]?.pad.classList.toggle("over", point >= 0);
      if (point < 0) this.#hideTip();
      else this.#showTip(this.hoverEvent, place, point);
    }, wait);
  }

  /** What is known of a point in a panel, line by line. */
  tell(point, panel) {
    const lines = [];
    if (panel.kind === "field") {
      const value = valueAt(panel, this.array, point);
      const bound = panel.clipped[0] && value <= panel.range[0] ? "≤ " : panel.clipped[1] && value >= panel.range[1] ? "≥ " : "";
      lines.push(`${panel.name}: ${bound}${withUnit(number(value), Number.isNaN(value) ? "" : panel.unit)}`);
    }
    if (panel.kind === "labels") lines.push(`${panel.name} ${count(valueAt(panel, this.array, point))}`);
    if (this.cloud.groups) {
      const group = this.cloud.groups[point];
      const said = `patch ${count(group)}`;
      if (!lines.includes(said)) lines.push(said);
      if (this.header.groupText[group]) lines.push(this.header.groupText[group]);
    }
    return lines.join("\n");
  }

  #showTip(event, place, point) {
    const text = this.tell(point, this.header.panels[this.seen()[place]]);
    this.root.dataset.hover = text;
    if (!text) return;
    this.tip.textContent = text;
    const box = this.stage.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const [width, height] = [this.tip.offsetWidth, this.tip.offsetHeight];
    this.tip.style.left = `${x + 14 + width > box.width ? Math.max(x - 12 - width, 2) : x + 14}px`;
    this.tip.style.top = `${Math.min(Math.max(y - height - 8, 2), box.height - height - 2)}px`;
    this.tip.style.visibility = "visible";
  }

  #hideTip() {
    this.hoverEvent = null;
    this.tip.style.visibility = "hidden";
    delete this.root.dataset.hover;
  }

  #startMoving() {
    this.moving = true;
    cancelAnimationFrame(this.eye.flight);
    this.#hideTip();
  }

  /** Draws everything again once nothing moves. */
  #rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.moving = false;
      this.draw();
    }, REST);
  }

  #resize() {
    if (this.dropped || !this.header || this.broken) return;
    this.#layOut();
    this.#measure();
    this.#listen();
    const changed = Math.abs(this.eye.aspect - this.aspect) > 1e-3;
    this.eye.setAspect(this.aspect);
    if (changed && !this.eye.moved && !this.eye.flight && !this.header.tour.length) this.eye.reset(false);
    if (changed && this.header.tour.length && !this.eye.moved) this.tour.stand(false);
    this.draw();
  }

  #measure() {
    const box = this.stage.getBoundingClientRect();
    this.views = this.cells.map(({ pad }) => {
      const own = pad.getBoundingClientRect();
      return { x: own.left - box.left, y: own.top - box.top, width: own.width, height: own.height };
    });
    const { width, height } = this.views[0];
    this.aspect = Math.max(width, 1) / Math.max(height, 1);
    this.eye.aspect ??= this.aspect;
    if (!this.eye.cloud) this.eye.aspect = this.aspect;
    const ratio = this.software ? 1 : Math.min(devicePixelRatio, 2);
    if (this.renderer.getPixelRatio() !== ratio) this.renderer.setPixelRatio(ratio);
    const size = this.renderer.getSize(new Vector2());
    if (size.x !== Math.floor(box.width) || size.y !== Math.floor(box.height)) {
      this.renderer.setSize(Math.floor(box.width), Math.floor(box.height), false);
    }
    this.stageHeight = Math.floor(box.height);
    const { shared } = this;
    shared.pixel.value = ratio;
    shared.half.value = 0.5 * height * ratio;
    shared.view.value.set(0.5 * width * ratio, 0.5 * height * ratio);
    shared.least.value = 2 * ratio;
    shared.most.value = 26 * ratio;
  }

  /** Asks for a picture; many requests make one. */
  draw() {
    if (!this.broken) delete this.root.dataset.ready;
    if (this.frame || this.dropped || this.broken || !this.header) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.dropped) return;
      this.paint();
    });
  }

  /** Draws all panels now. */
  paint() {
    const begun = performance.now();
    const { renderer, cloud } = this;
    const flying = this.eye.flight !== 0 && this.eye.flight !== undefined;
    const shown = this.moving || flying ? Math.min(this.budget, cloud.count) : cloud.count;
    this.shared.point.value = pointSize(cloud, shown);
    renderer.setScissorTest(false);
    renderer.setClearColor(new Color(this.page.background), 1);
    renderer.clear();
    renderer.setScissorTest(true);
    this.seen().forEach((panel, place) => {
      const { x, y, width, height } = this.views[place];
      const bottom = this.stageHeight - y - height;
      renderer.setViewport(x, bottom, width, height);
      renderer.setScissor(x, bottom, width, height);
      this.panelObjects.forEach((object, i) => {
        object.visible = i === panel && this.isShown("");
        if (!cloud.index) object.geometry.setDrawRange(0, shown);
      });
      renderer.render(this.scene, this.eye.camera);
    });
    this.#clearLeftovers();
    if (shown < cloud.count || flying) this.#rest();
    this.#finish(begun, shown);
  }

  /** Learns how long a frame takes, and says when the picture is done. */
  #finish(begun, shown) {
    const gl = this.renderer.getContext();
    const moving = this.moving || this.eye.flight;
    // Reading a pixel waits for the picture: only where that costs no one anything.
    if (!moving || this.software) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    const now = performance.now();
    const took = this.software ? now - begun : begun - this.lastFrame;
    this.lastFrame = begun;
    if (moving && took > SLOW && took < 500) this.budget = Math.max(5_000, Math.round(0.75 * Math.min(this.budget, this.cloud.count)));
    else if (moving && took < FAST) this.budget = Math.min(this.cloud.count, Math.round(1.25 * this.budget));
    this.root.dataset.frame = (now - begun).toFixed(1);
    const { dataset } = this.root;
    dataset.npoints = shown;
    dataset.cam = JSON.stringify({ ...this.eye.pose(), ...this.eye.projection() });
    dataset.step = Number(dataset.step ?? 0) + 1;
    if (!this.moving && !this.eye.flight && !this.tour.spreading && !this.frame) dataset.ready = "1";
  }

  #describe() {
    const seen = this.seen().map((i) => bars.describe(this.header.panels[i]));
    this.stage.setAttribute("aria-label", `${this.header.label}. ${many(this.cloud.count, "point")}. ${seen.join("; ")}.`);
  }

  async save() {
    this.paint();
    await savePicture(this);
  }

  toggleHelp() {
    const open = this.help.hidden;
    this.help.hidden = !open;
    this.helpButton.setAttribute("aria-expanded", String(open));
  }

  toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.();
  }

  #say(text, image) {
    this.note?.remove();
    this.note = el("div", { class: "note", role: "status" }, image ?? null, el("div", {}, text));
    this.stage.append(this.note);
    this.root.dataset.ready = "1";
  }

  /** Shows the picture drawn by the server, and asks for it where it has not come yet. */
  #showStill(header) {
    this.options.style.display = "none";
    this.stage.setAttribute("aria-label", `${header.label}. ${many(header.points, "point")}.`);
    if (!header.picture) {
      if (!this.asked) this.component.setStateValue("plain", true);
      this.asked = true;
      return;
    }
    const titles = header.panels.map((panel) => bars.describe(panel)).join(" · ");
    this.#say(`${titles}. ${this.broken}`, el("img", { src: header.picture, alt: header.label }));
  }

  /** Lets go of everything; the page is gone. */
  drop() {
    this.dropped = true;
    this.sizes.disconnect();
    document.removeEventListener("fullscreenchange", this.onFull);
    if (this.broken) return;
    cancelAnimationFrame(this.eye.flight);
    this.eye.dropControls();
    this.#setAside(false, false);
    this.#clearLeftovers();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
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
