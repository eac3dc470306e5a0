// What draws: the renderer, what all shaders share, and how many points a moving frame can take.
import { Color, ColorManagement, LinearSRGBColorSpace, Scene, Vector2, WebGLRenderer } from "three";
import { pointSize } from "./cloud.js";
import { scaleTexture, toUnit } from "./colors.js";

ColorManagement.enabled = false;

const BUDGET = { software: 50_000, hardware: 500_000 };
const FAST = 24; // ms a frame
const SLOW = 60;

export class Painter {
  /** Throws where there is no WebGL; `lost` and `back` are called as the graphics card goes and comes. */
  constructor(canvas, { lost, back }) {
    this.software = /swiftshader|llvmpipe|software|basic render/i.test(rendererName());
    this.renderer = new WebGLRenderer({ canvas, antialias: !this.software, powerPreference: "high-performance" });
    this.renderer.outputColorSpace = LinearSRGBColorSpace;
    this.renderer.autoClear = false;
    this.budget = this.software ? BUDGET.software : BUDGET.hardware;
    this.scene = new Scene();
    this.shared = {
      plain: { value: [0.5, 0.5, 0.5] }, empty: { value: [0.5, 0.5, 0.5] }, body: { value: [0.8, 0.8, 0.8] },
      accent: { value: [1, 0.5, 0] }, ink: { value: [0, 0, 0] }, background: { value: [1, 1, 1] },
      explode: { value: 0 }, shift: { value: null }, half: { value: 1 }, point: { value: 0.01 },
      least: { value: 1.5 }, most: { value: 26 }, view: { value: new Vector2(1, 1) }, pixel: { value: 1 },
      scales: Object.fromEntries(["field", "error", "magnitude", "share"].map((one) => [one, { value: null }])),
      patches: null, atLevel: null, outlined: { value: -1 },
    };
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      lost();
    });
    canvas.addEventListener("webglcontextrestored", back);
  }

  /** Takes the colors of a theme. */
  setColors(colors, background) {
    const { shared } = this;
    const paint = (uniform, color) => (uniform.value = toUnit(color));
    paint(shared.plain, colors.empty);
    paint(shared.empty, colors.empty);
    paint(shared.body, colors.body);
    paint(shared.accent, colors.accent);
    paint(shared.ink, colors.ink);
    paint(shared.background, background);
    this.background = new Color(background);
    for (const [name, stops] of Object.entries(colors.palettes)) {
      shared.scales[name].value?.dispose();
      shared.scales[name].value = scaleTexture(stops);
    }
  }

  /** Takes the size of the stage and where on it the panels are. */
  measure(stage, pads) {
    const box = stage.getBoundingClientRect();
    this.places = pads.map((pad) => {
      const own = pad.getBoundingClientRect();
      return { x: own.left - box.left, y: own.top - box.top, width: own.width, height: own.height };
    });
    const { width, height } = this.places[0];
    this.aspect = Math.max(width, 1) / Math.max(height, 1);
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

  /** Draws the panels that are seen, all points or as many as there is time for; returns how many. */
  paint(objects, { seen, divided, camera, cloud, hasPoints, moves, ofPanels }) {
    const { renderer } = this;
    const shown = moves ? Math.min(this.budget, cloud.count) : cloud.count;
    this.shared.point.value = pointSize(cloud, shown);
    renderer.setScissorTest(false);
    renderer.setClearColor(this.background, 1);
    renderer.clear();
    renderer.setScissorTest(true);
    seen.forEach((panel, place) => {
      const { x, y, width, height } = this.places[place];
      const bottom = this.stageHeight - y - height;
      renderer.setViewport(x, bottom, width, height);
      const draw = (one, left, wide) => {
        renderer.setScissor(x + left, bottom, wide, height);
        objects.forEach((object, i) => {
          object.visible = i === one && hasPoints;
          if (!cloud.index) object.geometry.setDrawRange(0, shown);
        });
        ofPanels.forEach((part) => (part.visible = part.userData.panel === one));
        if (wide > 0) renderer.render(this.scene, camera);
      };
      if (divided === null || place > 0) return draw(panel, 0, width);
      const left = Math.round(divided * width);
      draw(0, 0, left);
      return draw(1, left, width - left);
    });
    return shown;
  }

  /** Waits for the picture where that costs no one anything, and learns how long a frame takes. */
  finish(begun, { moves, count }) {
    const gl = this.renderer.getContext();
    if (!moves || this.software) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    const spent = performance.now() - begun;
    const took = this.software ? spent : begun - this.lastFrame;
    this.lastFrame = begun;
    if (moves && took > SLOW && took < 500) this.budget = Math.max(5_000, Math.round(0.75 * Math.min(this.budget, count)));
    else if (moves && took < FAST) this.budget = Math.min(count, Math.round(1.25 * this.budget));
    return spent;
  }

  drop() {
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }
}

/** Asks a canvas of its own, as the picture's is not to be made twice. */
function rendererName() {
  const test = document.createElement("canvas").getContext("webgl2");
  if (!test) throw new Error("no WebGL");
  const info = test.getExtension("WEBGL_debug_renderer_info");
  const name = info ? test.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
  test.getExtension("WEBGL_lose_context")?.loseContext();
  return name;
}
