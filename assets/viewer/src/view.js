// The viewer: one canvas with a view for each panel, and what a person can do with it.
import * as bars from "./bars.js";
import { Eye } from "./camera.js";
import { Cloud, cloudObject, refresh, release } from "./cloud.js";
import { readPage } from "./colors.js";
import { el, iconButton } from "./dom.js";
import { many } from "./format.js";
import { Grid, bestColumns, planOf } from "./grid.js";
import { groupsOf } from "./groups.js";
import { bindKeys, helpPanel } from "./keys.js";
import { Divider } from "./divider.js";
import { dispose, layerObject, rings } from "./layers.js";
import { Options } from "./options.js";
import { fetchBlobs } from "./packet.js";
import { Painter } from "./painter.js";
import { savePicture } from "./picture.js";
import { Player } from "./player.js";
import { Pointer } from "./pointer.js";
import { Tour } from "./tour.js";

const TICK = 40; // ms between two pictures of what moves by itself
const REST = 150; // ms without movement until all points are drawn again

export class View {
  constructor(root) {
    this.root = root;
    this.level = null;
    this.explode = 0;
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
    this.grid = new Grid();
    this.pointer = new Pointer(this);
    this.divider = new Divider(this);
    this.stage = el("div", { class: "stage", role: "img", tabIndex: 0 }, this.canvas, this.grid.element, this.pointer.tip);
    this.options = new Options({
      onLevel: (level) => this.setLevel(level),
      onExplode: (share) => {
        this.eye.stepBack(share);
        this.setExplode(share);
      },
      onSwitch: () => {
        this.#applyLayers();
        this.draw();
      },
    });
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
    this.tour = new Tour(this);
    this.player = new Player(this);
    const strip = el("div", { class: "strip" }, this.options.element, tools);
    this.root.replaceChildren(strip, this.stage, this.player.element, this.tour.element, this.help);
    bindKeys(this);
  }

  #startDrawing() {
    this.painter = new Painter(this.canvas, {
      lost: () => this.dropped || this.#say("The graphics card has dropped this picture; it comes back by itself, or when the page is loaded again."),
      back: () => {
        this.note?.remove();
        this.draw();
      },
    });
    this.eye = new Eye(() => this.draw(), {
      place: (i, explode) => this.placeOf(i, explode),
      balls: () => this.#ballsSeen(),
      body: () => this.layers.flatMap(({ object }) => object.userData.corners ?? []),
    });
  }

  #watch() {
    this.sizes = new ResizeObserver(() => this.#resize());
    this.sizes.observe(this.stage);
    // Streamlit changes the theme by style alone: a transition of the background tells.
    this.root.addEventListener("transitionend", (event) => {
      if (event.target === this.root && event.propertyName === "background-color") this.#theme(true);
    });
    this.stage.addEventListener("pointerleave", () => this.pointer.hide());
    document.addEventListener("fullscreenchange", (this.onFull = () => this.#resize()));
    window.addEventListener("resize", this.onFull); // its height may change alone
  }

  /** Shows a message from Python. */
  async update(message, component) {
    const turn = (this.packetNumber += 1);
    delete this.root.dataset.ready;
    this.component = component;
    const { header } = message;
    if (header.height) this.root.style.height = `${header.height}px`;
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
    this.pointer.hide();
    const before = this.numLevels;
    Object.assign(this, { header, array });
    // What was drawn is let go of after the next picture, so that shaders need not be built anew.
    this.#setAside(samePoints, sameCloud);
    if (!sameCloud) {
      const groups = header.groupsIn === null ? blobs[header.groups]?.array(0) : array(header.groupsIn).slice();
      this.cloud = new Cloud(blobs[header.geometry], groups, header, samePoints ? this.cloud : null);
    }
    this.player.take(header, samePoints);
    this.#readPanels(blobs);
    const known = sameCloud ? this.allGroups : [];
    const groups = groupsOf(this.cloud, header.panels, array, header.colors.light.patches, known);
    this.groups = groups.main;
    this.allGroups = [...new Set([groups.main, ...groups.panels.filter(Boolean)])];
    header.panels.forEach((panel, i) => (panel.table = groups.panels[i]?.patches.colors));
    const { shared } = this.painter;
    shared.patches = this.groups.patches;
    shared.shift = this.groups.patches.shift;
    shared.atLevel = (level) => this.groups.atLevel(level);
    this.numLevels = Math.max(...this.allGroups.map((one) => one.numLevels), this.#sphereLevels());
    if (before !== this.numLevels || this.level === null) this.level = Math.max(this.numLevels - 1, 0);
    this.#theme(false);
    const outlined = header.layers.some(({ kind }) => kind === "outline");
    shared.outlined.value = -1;
    this.panelObjects = header.panels.map((panel) => cloudObject(this.cloud, panel, shared, outlined));
    this.layers = header.layers.map((layer) => {
      const object = layerObject(layer, array, blobs, shared, this.cloud.flat);
      return { name: layer.name, object };
    });
    this.ofPanels = this.layers.flatMap(({ object }) => object.children.filter((part) => part.userData.panel !== undefined));
    this.painter.scene.add(...this.panelObjects, ...this.layers.map(({ object }) => object));
    this.chosen = header.tour.length ? (this.chosen ?? [0]).filter((i) => i < header.panels.length) : null;
    const names = this.layers.map(({ name }) => name);
    this.options.take(names, { hidden: header.hidden, numLevels: this.numLevels, hasGroups: Boolean(this.cloud.groups) });
    this.#layOut();
    for (const groups of this.allGroups) groups.show(this.level);
    this.eye.setCloud(this.cloud, header);
    this.#reframe();
    this.#listen();
    this.setLevel(this.level);
    this.setExplode(this.explode);
    this.tour.take(header, sameCloud);
    this.#describe();
  }

  /** Gives each panel its values and places: at all times, and now. */
  #readPanels(blobs) {
    const all = (name) => name && blobs[name].header.kinds.map((_, time) => blobs[name].array(time));
    for (const panel of this.header.panels) {
      panel.frames = all(panel.frames);
      panel.places = all(panel.places);
      panel.steps = panel.buffer === null || panel.kind === "plain" ? null : this.array(panel.buffer);
    }
    this.#readTime(this.player.index);
  }

  #readTime(time) {
    for (const panel of this.header.panels) {
      panel.steps = panel.frames?.[time] ?? panel.steps;
      panel.placesNow = panel.places?.[time] ?? null;
    }
  }

  /** Shows a time of a scene that has some. */
  setTime(time) {
    this.pointer.hide();
    this.#readTime(time);
    this.panelObjects.forEach((object, i) => refresh(object, this.header.panels[i]));
    this.#applyLayers();
    this.#placeRings();
    this.draw();
  }

  /** Whether marks are where points are now: those on points that move belong to one time. */
  #marksHold() {
    const { player, panels } = this.header;
    return !player || player.start === this.player.index || panels.every(({ places }) => !places);
  }

  #sphereLevels() {
    const found = this.header.layers.filter((layer) => layer.kind === "spheres" && layer.level !== null);
    return Math.max(0, ...found.map((layer) => this.array(layer.level).reduce((most, one) => Math.max(most, one), 0) + 1));
  }

  /** Takes everything drawn out of the scene; positions stay on the GPU if they serve again. */
  #setAside(keepsPositions, keepsGroups) {
    const { panelObjects = [], layers = [], allGroups } = this;
    const objects = [...panelObjects, ...layers.map((layer) => layer.object)];
    objects.forEach((object) => this.painter.scene.remove(object));
    if (keepsPositions) panelObjects.forEach(({ geometry }) => release(geometry, this.cloud, keepsGroups));
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
    this.colors = this.header.colors[this.page.dark ? "dark" : "light"];
    this.painter.setColors(this.colors, this.page.background);
    if (redraw) {
      this.#layBars();
      this.draw();
    }
  }

  /** Shows these layers and no others. */
  setLayers(names) {
    this.options.choose(names, this.layers.map(({ name }) => name));
    this.#applyLayers();
  }

  #applyLayers() {
    for (const { name, object } of this.layers) {
      object.visible = this.options.isShown(name) && this.#marksHold();
      object.userData.onSwitch?.(object.visible);
      if (object.visible) object.userData.setLevel?.(this.level);
    }
    this.options.press();
    this.#animate();
  }

  /** Moves what moves by itself, as long as it is shown. */
  #animate() {
    const moving = () => this.layers.filter(({ object }) => object.visible && object.userData.advance);
    if (this.ticking || this.dropped || !moving().length) return;
    const tick = (now) => {
      this.ticking = 0;
      if (this.dropped || !moving().length) return;
      const pause = Math.max(TICK, 2 * Number(this.root.dataset.frame ?? 0)); // slow graphics: fewer pictures
      if (!(now - this.ticked < pause) && !document.hidden) {
        this.ticked = now;
        moving().forEach(({ object }) => object.userData.advance(now / 1000));
        this.draw();
      }
      this.ticking = requestAnimationFrame(tick);
    };
    this.ticking = requestAnimationFrame(tick);
  }

  /** Shows a level of the ball tree; the last one are the patches. */
  setLevel(level) {
    this.level = Math.min(Math.max(level, 0), Math.max(this.numLevels - 1, 0));
    for (const groups of this.allGroups) groups.show(this.level);
    this.#applyLayers();
    const isLast = this.level === this.numLevels - 1;
    const size = this.groups.size(this.level);
    const things = isLast ? many(size, this.#groupName()) : many(size, "ball");
    this.options.sayLevel(this.level, `level ${this.level + 1} of ${this.numLevels} · ${things}`);
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
    if (this.cloud.flat) this.eye.setAspect(this.painter.aspect);
    this.options.sayExplode(this.explode);
    this.painter.shared.explode.value = this.explode;
    this.#placeRings();
    this.draw();
  }

  /** Place of a point where it is drawn. */
  placeOf(i, explode = this.explode) {
    const steps = this.header.panels[this.seen()[0]].placesNow ?? this.cloud.steps;
    const at = this.cloud.place(i, [0, 0, 0], steps);
    if (explode > 0 && this.cloud.groups) {
      const start = 4 * this.cloud.groups[i];
      for (let axis = 0; axis < 3; axis += 1) at[axis] += explode * this.groups.shifts[start + axis];
    }
    return at;
  }

  /** Balls of the level that are seen, four numbers each. */
  #ballsSeen() {
    const seen = this.layers.filter(({ name, object }) => object.userData.ballsAt && this.options.isShown(name));
    return seen.flatMap(({ object }) => [...object.userData.ballsAt(this.level)]);
  }

  /** Rings a point, besides those that Python has marked. */
  mark(point) {
    this.clicked = point;
    this.#placeRings();
    this.draw();
  }

  #placeRings() {
    const { scene, shared } = this.painter;
    if (this.ringObject) {
      scene.remove(this.ringObject);
      dispose(this.ringObject);
    }
    const points = [...this.header.marked, ...(this.clicked === null ? [] : [this.clicked])];
    this.ringObject = points.length ? rings(points.map((i) => this.placeOf(i)), shared.accent, shared) : null;
    if (this.ringObject) scene.add(this.ringObject);
  }

  /** Panels that have a place: all, or those that a tour has chosen; a divided scene has one for two. */
  seen() {
    const all = this.header.panels.map((_, i) => i);
    return this.chosen ?? (this.header.divided ? all.filter((i) => i !== 1) : all);
  }

  /** The panel at a distance, as a share of the width, from the left of a place. */
  panelAt(place, share) {
    const beyond = this.header.divided && place === 0 && share > this.divider.share;
    return beyond ? 1 : this.seen()[place];
  }

  choosePanels(panels) {
    if (String(this.chosen) === String(panels)) return;
    this.chosen = panels;
    this.#layOut();
    this.eye.setAspect(this.painter.aspect);
    this.#listen();
  }

  /** Width over height of what a flat view shows at first; none for a cloud that can be turned. */
  #shownAspect() {
    if (!this.cloud.flat) return undefined;
    const { focus, closeup } = this.header;
    const [width, height] = focus && !closeup ? [0, 1].map((axis) => focus[1][axis] - focus[0][axis]) : this.cloud.size;
    return width / (height || width || 1);
  }

  /** Number of columns; a viewer without a height of its own takes one from the window. */
  #columns() {
    const { header, root, stage } = this;
    const seen = this.seen().map((i) => header.panels[i]);
    if (header.height || document.fullscreenElement) return bestColumns(seen.length, stage.clientWidth, stage.clientHeight, this.#shownAspect());
    const around = root.clientHeight - stage.clientHeight; // what stands above and below the stage
    const below = (header.tour.length ? this.tour.element.offsetHeight : 0) + this.player.element.offsetHeight;
    const aspect = this.#shownAspect();
    const plan = planOf(seen, { width: stage.clientWidth, around: around - below, window: innerHeight, aspect });
    root.style.height = `${plan.height + below}px`;
    return plan.columns;
  }

  /** Follows a new shape of the panels: shows all again, or as much as a person has chosen to see. */
  #reframe() {
    const before = this.eye.aspect;
    this.eye.setAspect(this.painter.aspect);
    if (Math.abs(before - this.eye.aspect) < 1e-3) return;
    if (this.eye.moved) this.eye.keepInView(before);
    else if (this.header.tour.length) this.tour.stand(false);
    else if (!this.eye.flight) this.eye.reset(false);
  }

  #layOut() {
    const { panels, divided } = this.header;
    this.grid.layOut(panels, this.seen(), this.#columns(), divided ? `${panels[0].title} | ${panels[1].title}` : "");
    this.divider.take(divided ? this.grid.pads[0] : null);
    this.#layBars();
    this.painter.measure(this.stage, this.grid.pads);
    if (!this.eye.cloud) this.eye.aspect = this.painter.aspect;
  }

  #layBars() {
    this.grid.layBars(this.colors, this.stage.clientWidth, (panel) => this.#levelOf(panel));
  }

  #levelOf(panel) {
    if (panel.kind !== "labels" || panel.levels.length < 2) return null;
    const own = this.allGroups.find((groups) => groups.patches.colors === panel.table);
    const index = Math.min(this.level, own.numLevels - 1);
    return { index, count: own.size(index), isLast: index === own.numLevels - 1 };
  }

  #listen() {
    const key = `${this.grid.key} ${this.cloud.flat} ${this.header.up}`;
    if (this.listening?.key === key && this.listening.cells === this.grid.cells && this.eye.controls.length) return;
    this.listening = { key, cells: this.grid.cells };
    this.eye.listen(this.grid.pads, { onStart: () => this.#startMoving(), onEnd: () => this.#rest() });
    this.grid.pads.forEach((pad, place) => this.pointer.listenTo(pad, place));
  }

  #startMoving() {
    this.moving = true;
    cancelAnimationFrame(this.eye.flight);
    this.pointer.hide();
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
    this.player.plot();
    this.#layOut();
    this.#listen();
    this.#reframe();
    this.draw();
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
    const { cloud, eye, painter } = this;
    const moves = Boolean(this.moving || eye.flight);
    const seen = this.seen();
    const divided = this.header.divided ? this.divider.share : null;
    const shown = painter.paint(this.panelObjects, { seen, divided, camera: eye.camera, cloud, hasPoints: this.options.showsPoints, moves, ofPanels: this.ofPanels });
    this.#clearLeftovers();
    if (shown < cloud.count || eye.flight) this.#rest();
    const spent = painter.finish(begun, { moves, count: cloud.count });
    const { dataset } = this.root;
    dataset.frame = spent.toFixed(1);
    dataset.npoints = shown;
    dataset.cam = JSON.stringify({ ...eye.pose(), ...eye.projection() });
    dataset.step = Number(dataset.step ?? 0) + 1;
    if (!this.moving && !eye.flight && !this.tour.spreading && !this.frame && !this.player.plays) dataset.ready = "1";
  }

  #describe() {
    const seen = this.header.panels.filter((_, i) => this.chosen?.includes(i) ?? true).map(bars.describe);
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
    this.options.element.style.display = "none";
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
    this.player.drop();
    this.sizes.disconnect();
    document.removeEventListener("fullscreenchange", this.onFull);
    window.removeEventListener("resize", this.onFull);
    if (this.broken) return;
    cancelAnimationFrame(this.eye.flight);
    cancelAnimationFrame(this.ticking);
    this.eye.dropControls();
    this.#setAside(false, false);
    this.#clearLeftovers();
    this.painter.drop();
  }
}
