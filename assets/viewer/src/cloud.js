// The cloud: one object a panel, sharing positions; and groups, their middles and their levels.
import { BufferAttribute, BufferGeometry, GLSL3, Mesh, Points, ShaderMaterial } from "three";
import * as shaders from "./shaders.js";

const SAMPLE = 48; // points whose neighbors are looked for
const NEAR = 3;
const FAR = 12; // neighbors whose distances tell density and dimension
const VOLUME = 1.78; // ratio of these distances: 2 on a surface, 1.59 in a volume
export const EXPLODED = 0.9; // radii a group moves when its middle lies one radius out
const REACH = { surface: 0.92, volume: 0.32 }; // diameter of a point over the larger of them
const MOST_BEADS = 300_000;

/** The cloud as it came, and what is computed from it once. */
export class Cloud {
  /** `before` is a cloud of the same points in other groups. */
  constructor(blob, groups, header, before) {
    const { positions, triangles, points } = blob.header;
    this.count = points;
    this.flat = header.flat;
    this.low = positions.low;
    this.size = positions.size;
    this.steps = blob.array(positions.buffer);
    this.triangles = triangles === undefined ? null : blob.array(triangles);
    this.groups = groups ?? null;
    this.position = before?.position ?? placeAttribute(this.steps);
    this.index = before?.index ?? (this.triangles && new BufferAttribute(this.triangles, 1));
    this.group = this.groups && new BufferAttribute(this.groups, 1);
    this.spacing = before?.spacing ?? this.#spacing();
    if (this.groups) this.#middles();
  }

  /** Writes the place of a point, without shifts, to `out`. */
  place(i, out, steps = this.steps) {
    for (let axis = 0; axis < 3; axis += 1) {
      out[axis] = this.low[axis] + (this.size[axis] * steps[3 * i + axis]) / 65535;
    }
    return out;
  }

  /** Tells for each point whether a part of the triangles, from one to before another, has it; null for all. */
  members(part) {
    if (!part) return null;
    this.parts ??= new Map();
    const key = String(part);
    if (!this.parts.has(key)) {
      const found = new Uint8Array(this.count);
      for (let corner = 3 * part[0]; corner < 3 * part[1]; corner += 1) found[this.triangles[corner]] = 1;
      this.parts.set(key, found);
    }
    return this.parts.get(key);
  }

  /** Diameter for points, in radii of the cloud, from the neighbors of a sample. */
  #spacing() {
    const { count, steps, size } = this;
    const [sx, sy, sz] = size.map((side) => side / 65535);
    const found = [];
    const most = Math.min(FAR, count - 1);
    for (let i = 0; i < Math.min(SAMPLE, count); i += 1) {
      const nearest = new Float64Array(FAR).fill(Infinity); // rising
      for (let j = 0; j < count; j += 1) {
        const x = (steps[3 * i] - steps[3 * j]) * sx;
        const y = (steps[3 * i + 1] - steps[3 * j + 1]) * sy;
        const z = (steps[3 * i + 2] - steps[3 * j + 2]) * sz;
        const distance = x * x + y * y + z * z;
        if (distance >= nearest[FAR - 1] || i === j) continue;
        let place = FAR - 1;
        for (; place > 0 && nearest[place - 1] > distance; place -= 1) nearest[place] = nearest[place - 1];
        nearest[place] = distance;
      }
      found.push(nearest);
    }
    if (most < 1) return 0.05;
    const distance = (neighbor) => {
      const all = found.map((nearest) => Math.sqrt(nearest[Math.min(neighbor, most) - 1])).sort((a, b) => a - b);
      return all[Math.floor(all.length / 2)];
    };
    const solid = !this.flat && distance(FAR) < VOLUME * distance(NEAR);
    return (solid ? REACH.volume : REACH.surface) * distance(FAR) || 0.05;
  }

  #middles() {
    let numGroups = 0;
    for (const group of this.groups) if (group >= numGroups) numGroups = group + 1;
    this.numGroups = numGroups;
    this.middles = middlesOf(this, this.groups, numGroups);
  }
}

/** Places as the GPU takes them: shares of the cloud's box, from whole steps or from fractions of them. */
function placeAttribute(steps) {
  const whole = steps instanceof Uint16Array;
  return new BufferAttribute(whole ? steps : steps.map((step) => step / 65535), 3, whole);
}

/** Returns x, y, z and the number of points of each group. */
export function middlesOf(cloud, labels, count) {
  const sums = new Float32Array(4 * count);
  const at = [0, 0, 0];
  for (let i = 0; i < cloud.count; i += 1) {
    cloud.place(i, at);
    const start = 4 * labels[i];
    for (let axis = 0; axis < 3; axis += 1) sums[start + axis] += at[axis];
    sums[start + 3] += 1;
  }
  for (let k = 0; k < count; k += 1) {
    for (let axis = 0; axis < 3; axis += 1) sums[4 * k + axis] /= Math.max(sums[4 * k + 3], 1);
  }
  return sums;
}

/** Returns the middles of coarser groups: group `row[k]` holds the finer group `k`. */
export function mergeMiddles(middles, row, count) {
  const merged = new Float32Array(4 * count);
  for (let k = 0; k < Math.min(row.length, middles.length / 4); k += 1) {
    const weight = middles[4 * k + 3];
    for (let axis = 0; axis < 3; axis += 1) merged[4 * row[k] + axis] += weight * middles[4 * k + axis];
    merged[4 * row[k] + 3] += weight;
  }
  for (let k = 0; k < count; k += 1) {
    for (let axis = 0; axis < 3; axis += 1) merged[4 * k + axis] /= Math.max(merged[4 * k + 3], 1);
  }
  return merged;
}

/** Returns how far each group moves at full explosion, four numbers a group. */
export const shiftsOf = (middles) => middles.map((part, i) => (i % 4 === 3 ? 0 : EXPLODED * part));

/** Returns the object that draws the cloud in the colors of one panel. */
export function cloudObject(cloud, panel, shared, outlined) {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", panel.placesNow ? placeAttribute(panel.placesNow) : cloud.position);
  const defines = {};
  const uniforms = {
    uLow: { value: cloud.low },
    uSize: { value: cloud.size },
    uPlain: shared.plain,
    uEmpty: shared.empty,
    uExplode: shared.explode,
    uShift: shared.shift,
    uHalf: shared.half,
    uPoint: shared.point,
    uLeast: shared.least,
    uMost: shared.most,
    uFlat: { value: cloud.flat ? 1 : 0 },
    uPixel: shared.pixel,
    uInk: shared.ink,
    uOutlined: shared.outlined,
  };
  if (cloud.group) {
    geometry.setAttribute("group", cloud.group);
    defines.GROUPS = 1;
  }
  if (panel.kind !== "plain") {
    const isField = panel.kind === "field";
    geometry.setAttribute("value", new BufferAttribute(panel.steps, 1, isField));
    defines[isField ? "FIELD" : "LABELS"] = 1;
    if (isField) Object.assign(uniforms, fieldUniforms(panel), { uScale: shared.scales[panel.palette] });
    else uniforms.uTable = panel.table;
  }
  const isMesh = cloud.index !== null;
  if (!isMesh && cloud.count <= MOST_BEADS) defines.BEADS = 1;
  const material = (more) =>
    new ShaderMaterial({
      glslVersion: GLSL3,
      defines: { ...defines, ...more },
      uniforms,
      vertexShader: isMesh ? shaders.MESH_VERTEX : shaders.POINTS_VERTEX,
      fragmentShader: isMesh ? shaders.MESH_FRAGMENT : shaders.POINTS_FRAGMENT,
      transparent: !isMesh,
      side: 2,
    });
  if (isMesh) geometry.setIndex(cloud.index);
  if (isMesh && panel.part) geometry.setDrawRange(3 * panel.part[0], 3 * (panel.part[1] - panel.part[0]));
  const object = isMesh ? new Mesh(geometry, material()) : new Points(geometry, material());
  object.frustumCulled = false;
  if (outlined && !isMesh && defines.BEADS) {
    const rims = new Points(geometry, material({ RIMS: 1 }));
    rims.frustumCulled = false;
    object.add(rims);
  }
  return object;
}

/** Draws an object in the values and at the places that its panel has now. */
export function refresh({ geometry }, panel) {
  const { position, value } = geometry.attributes;
  if (panel.frames && value) Object.assign(value, { array: panel.steps, needsUpdate: true });
  if (panel.places) Object.assign(position, { array: panel.placesNow, needsUpdate: true });
}

/** Turns steps of the data's range into places on the color bar. */
function fieldUniforms({ range: [low, high], limits: [first, last], faded, palette }) {
  const span = last - first;
  const step = (high - low) * (65535 / 65534);
  return {
    uGain: { value: span > 0 ? step / span : 0 },
    uBias: { value: span > 0 ? (low - first) / span : 0.5 },
    uFade: { value: faded ? (palette === "error" ? 2 : 1) : 0 },
  };
}

/** Value of a point in a panel, from its steps. */
export function valueAt(panel, i) {
  const step = panel.steps[i];
  if (panel.kind === "labels") return step;
  const [low, high] = panel.range;
  return step === 65535 ? NaN : low + (step / 65534) * (high - low);
}

/** Diameter of a point in radii of the cloud when `shown` of all points are drawn. */
export function pointSize(cloud, shown) {
  const thinned = (cloud.count / Math.max(shown, 1)) ** (cloud.flat ? 0.5 : 0.45);
  return Math.min(cloud.spacing * Math.min(thinned, 4), 0.12);
}

/** Takes away what a geometry shares with others, so that freeing it leaves them whole. */
export function release(geometry, cloud, keepsGroups) {
  if (geometry.attributes.position === cloud.position) geometry.deleteAttribute("position");
  if (keepsGroups) geometry.deleteAttribute("group");
  geometry.setIndex(null);
}
