// Layers over the cloud: bodies, balls and supernodes, lines, arrows, curves, rings.
import {
  BufferAttribute,
  BufferGeometry,
  Float32BufferAttribute,
  GLSL3,
  Group,
  InstancedBufferAttribute,
  InstancedBufferGeometry,
  Mesh,
  Points,
  ShaderMaterial,
} from "three";
import * as shaders from "./shaders.js";

const HEAD = 0.3; // share of an arrow that is its head
const MOST_CORNERS = 2000; // vertices of a body that are looked at
const NONE = -1;
const GAP = 0.45; // between two particles of a curve, in the unit of its times
const PACE = 0.35; // of that unit that goes by in a second
const WIDTH = 13; // numbers that make a stroke

/** Returns the object of a layer; what depends on the level is asked for in `setLevel`. */
export function layerObject(layer, array, blobs, shared, flat) {
  if (layer.kind === "outline") return outline(layer, shared);
  if (layer.kind === "surface") return body(blobs[layer.blob], shared);
  if (layer.kind === "spheres") return spheres(layer, array, shared, flat);
  if (layer.kind === "curves") return curves(blobs[layer.blob], shared);
  if (layer.kind === "particles") return particles(blobs[layer.blob], shared);
  return layer.kind === "arrows" ? arrows(layer, array, shared) : lines(layer, array, shared);
}

function body(blob, shared) {
  const { positions, triangles } = blob.header;
  const steps = blob.array(positions.buffer);
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(steps, 3, true));
  geometry.setIndex(new BufferAttribute(blob.array(triangles), 1));
  geometry.setAttribute("normal", smoothNormals(blob.array(positions.buffer), positions.size, blob.array(triangles)));
  const material = new ShaderMaterial({
    glslVersion: GLSL3,
    uniforms: {
      uLow: { value: positions.low },
      uSize: { value: positions.size },
      uColor: shared.body,
    },
    vertexShader: shaders.BODY_VERTEX,
    fragmentShader: shaders.BODY_FRAGMENT,
    side: 2,
    polygonOffset: true,
    polygonOffsetFactor: 1,
    polygonOffsetUnits: 2,
  });
  const object = finish(new Mesh(geometry, material));
  object.userData.corners = sampled(steps, positions);
  return object;
}

/** Nothing of its own: points of the group lie before the others, with rims around them. */
function outline(layer, shared) {
  const object = new Group();
  object.userData.onSwitch = (isShown) => (shared.outlined.value = isShown ? layer.group : NONE);
  return object;
}

/** Places of some vertices, from which the camera takes how large a body is. */
function sampled(steps, { low, size }) {
  const count = steps.length / 3;
  const step = Math.max(1, Math.floor(count / MOST_CORNERS));
  const place = (i) => low.map((part, axis) => part + (size[axis] * steps[3 * i + axis]) / 65535);
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => place(i * step));
}

/** Normals from positions in steps, weighted by area. */
function smoothNormals(steps, size, triangles) {
  const sums = new Float32Array(steps.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const [i, j, k] = [3 * triangles[t], 3 * triangles[t + 1], 3 * triangles[t + 2]];
    const [ux, uy, uz] = [0, 1, 2].map((axis) => (steps[j + axis] - steps[i + axis]) * size[axis]);
    const [vx, vy, vz] = [0, 1, 2].map((axis) => (steps[k + axis] - steps[i + axis]) * size[axis]);
    const normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (const corner of [i, j, k]) for (let axis = 0; axis < 3; axis += 1) sums[corner + axis] += normal[axis];
  }
  for (let i = 0; i < sums.length; i += 3) {
    const length = Math.hypot(sums[i], sums[i + 1], sums[i + 2]) || 1;
    for (let axis = 0; axis < 3; axis += 1) sums[i + axis] /= length;
  }
  return new Float32BufferAttribute(sums, 3);
}

/** Spheres of one level each, or of all levels at once; a level is made when it is first shown. */
function spheres(layer, array, shared, flat) {
  const all = array(layer.spheres);
  const level = layer.level === null ? null : array(layer.level);
  const labels = layer.labels === null ? null : array(layer.labels);
  const follows = layer.follows === null ? labels : array(layer.follows);
  const values = layer.values === null ? null : array(layer.values);
  const group = new Group();
  const made = new Map();
  const make = (step) => {
    const chosen = [];
    for (let i = 0; i < all.length / 4; i += 1) if (!level || level[i] === step) chosen.push(i);
    const part = {
      balls: Float32Array.from(chosen.flatMap((i) => [...all.subarray(4 * i, 4 * i + 4)])),
      labels: labels && !values ? Float32Array.from(chosen, (i) => labels[i]) : null,
      follows: follows && Float32Array.from(chosen, (i) => follows[i]),
      values: values && Float32Array.from(chosen, (i) => values[i] / 255),
    };
    // Balls of one level are colored as the groups of that level, others as patches.
    const tables = level ? shared.atLevel(step) : shared.patches;
    return layer.style === "wire" ? wires(part, shared, tables, flat) : solids(part, shared, tables);
  };
  // What has to fit into the picture besides the points.
  if (layer.style === "wire") group.userData.ballsAt = (step) => all.filter((_, i) => !level || level[i >> 2] === step);
  group.userData.setLevel = (step) => {
    const wanted = level ? step : 0;
    if (!made.has(wanted)) {
      made.set(wanted, make(wanted));
      group.add(made.get(wanted));
    }
    for (const [own, part] of made) part.visible = own === wanted;
  };
  return group;
}

function solids({ balls, labels, follows, values }, shared, tables) {
  const geometry = new BufferGeometry();
  const count = balls.length / 4;
  geometry.setAttribute("position", new Float32BufferAttribute(new Float32Array(3 * count), 3));
  geometry.setAttribute("ball", new BufferAttribute(balls, 4));
  if (labels) geometry.setAttribute("label", new BufferAttribute(labels, 1));
  if (follows) geometry.setAttribute("follow", new BufferAttribute(follows, 1));
  if (values) geometry.setAttribute("value", new BufferAttribute(values, 1));
  const material = new ShaderMaterial({
    glslVersion: GLSL3,
    defines: { ...(labels && { LABELS: 1 }), ...(follows && { FOLLOWS: 1 }), ...(values && { VALUES: 1 }) },
    uniforms: {
      uHalf: shared.half,
      uPoint: shared.point,
      uExplode: shared.explode,
      uPlain: shared.accent,
      uTable: tables.colors,
      uShift: tables.shift,
      uScale: shared.scales.share,
    },
    vertexShader: shaders.BALLS_VERTEX,
    fragmentShader: shaders.BALLS_FRAGMENT,
  });
  return finish(new Points(geometry, material));
}

/** Three great circles a ball, or one where all is flat. */
function wires({ balls, labels, follows, values }, shared, tables, flat) {
  const count = balls.length / 4;
  const around = count > 300 ? 24 : count > 60 ? 36 : 56;
  const circles = flat ? [[0, 1]] : [[0, 1], [1, 2], [2, 0]];
  const strokes = new Strokes(count * circles.length * around);
  for (let i = 0; i < count; i += 1) {
    const [x, y, z, radius] = balls.subarray(4 * i, 4 * i + 4);
    for (const [first, second] of circles) {
      let last = null;
      for (let step = 0; step <= around; step += 1) {
        const angle = (2 * Math.PI * step) / around;
        const at = [x, y, z];
        at[first] += radius * Math.cos(angle);
        at[second] += radius * Math.sin(angle);
        const tone = values ? values[i] : 1;
        const followed = follows ? [follows[i], follows[i]] : undefined;
        if (last) strokes.add(last, at, [1.5, 1.5], [tone, tone], followed, labels ? labels[i] : 0);
        last = at;
      }
    }
  }
  const defines = { ...(labels && { LABELS: 1 }), ...(follows && { FOLLOWS: 1 }), ...(values && { SCALE: 1 }) };
  const opacity = flat ? 0.9 : count > 300 ? 0.35 : count > 60 ? 0.5 : 0.75;
  return strokes.object(shared, { defines, tables, opacity, plain: shared.ink, onTop: count === 1 });
}

function lines(layer, array, shared) {
  const [starts, stops] = [array(layer.starts), array(layer.stops)];
  const values = layer.values === null ? null : array(layer.values);
  const follows = layer.follows === null ? null : array(layer.follows);
  const strokes = new Strokes(starts.length / 3);
  for (let i = 0; i < starts.length / 3; i += 1) {
    const strength = values ? values[i] / 255 : 1;
    const width = values ? 1 + 2.2 * strength : 1.8;
    const followed = follows ? [follows[2 * i], follows[2 * i + 1]] : undefined;
    strokes.add(at(starts, i), at(stops, i), [width, width], [strength, strength], followed);
  }
  return strokes.object(shared, { defines: follows ? { FOLLOWS: 1 } : {}, plain: shared[layer.color], opacity: 0.95 });
}

function arrows(layer, array, shared) {
  const [starts, vectors] = [array(layer.starts), array(layer.vectors)];
  const strokes = new Strokes((2 * starts.length) / 3);
  for (let i = 0; i < starts.length / 3; i += 1) {
    const [from, vector] = [at(starts, i), at(vectors, i)];
    const neck = from.map((part, axis) => part + (1 - HEAD) * vector[axis]);
    const tip = from.map((part, axis) => part + vector[axis]);
    strokes.add(from, neck, [1.6, 1.6], [1, 1]);
    strokes.add(neck, tip, [8, 0], [1, 1]);
  }
  return strokes.object(shared, { plain: shared.ink, opacity: 0.9 });
}

/** Curves by the panel that draws them: one object for each, or one for all. */
function curves(blob, shared) {
  const { positions, offsets, values } = blob.header;
  const ends = blob.array(offsets);
  const tones = values === null ? null : blob.array(values);
  const place = placesOf(blob, positions);
  return byPanel(blob, (mine) => {
    const strokes = new Strokes(Math.max(blob.array(positions.buffer).length / 3, 1));
    for (const curve of mine) {
      for (let i = ends[curve]; i + 1 < ends[curve + 1]; i += 1) {
        const tone = tones ? [tones[i] / 255, tones[i + 1] / 255] : [1, 1];
        strokes.add(place(i), place(i + 1), [1.8, 1.8], tone);
      }
    }
    return strokes.object(shared, {
      defines: tones ? { SCALE: 1 } : {},
      scale: shared.scales.field,
      plain: shared.accent,
      opacity: tones ? 1 : 0.8,
    });
  });
}

const placesOf = (blob, { buffer, low, size }) => {
  const steps = blob.array(buffer);
  return (i) => low.map((part, axis) => part + (size[axis] * steps[3 * i + axis]) / 65535);
};

function byPanel(blob, make) {
  const ends = blob.array(blob.header.offsets);
  const panels = blob.header.panels === null ? null : blob.array(blob.header.panels);
  const all = Array.from({ length: Math.max(ends.length - 1, 0) }, (_, curve) => curve);
  if (!panels) return make(all);
  const group = new Group();
  for (const panel of new Set(panels)) {
    const part = make(all.filter((curve) => panels[curve] === panel));
    part.userData.panel = panel;
    group.add(part);
  }
  const moving = group.children.filter((part) => part.userData.advance);
  if (moving.length) group.userData.advance = (now) => moving.forEach((part) => part.userData.advance(now));
  return group;
}

/** Points that move along curves, equally far apart in time; `advance` takes the time in seconds. */
function particles(blob, shared) {
  const { positions, offsets, times } = blob.header;
  const ends = blob.array(offsets);
  const when = blob.array(times);
  const place = placesOf(blob, positions);
  return byPanel(blob, (mine) => {
    const durations = mine.map((curve) => (ends[curve + 1] > ends[curve] ? when[ends[curve + 1] - 1] : 0));
    const most = durations.reduce((sum, one) => sum + Math.ceil(one / GAP) + 1, 0);
    const held = new Float32Array(3 * Math.max(most, 1));
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(held, 3));
    const material = new ShaderMaterial({
      glslVersion: GLSL3,
      uniforms: { uColor: shared.ink, uHalo: shared.background, uPixel: shared.pixel },
      vertexShader: shaders.PARTICLE_VERTEX,
      fragmentShader: shaders.PARTICLE_FRAGMENT,
    });
    const object = finish(new Points(geometry, material));
    object.userData.advance = (now) => {
      let count = 0;
      mine.forEach((curve, row) => {
        let i = ends[curve];
        for (let t = (now * PACE) % GAP; t < durations[row]; t += GAP) {
          while (i + 2 < ends[curve + 1] && when[i + 1] < t) i += 1;
          const share = Math.min(Math.max((t - when[i]) / (when[i + 1] - when[i] || 1), 0), 1);
          const [from, to] = [place(i), place(i + 1)];
          for (let axis = 0; axis < 3; axis += 1) held[3 * count + axis] = from[axis] + share * (to[axis] - from[axis]);
          count += 1;
        }
      });
      geometry.setDrawRange(0, count);
      geometry.attributes.position.needsUpdate = true;
    };
    object.userData.advance(0);
    return object;
  });
}

const at = (array, i) => [...array.subarray(3 * i, 3 * i + 3)];

/** Straight strokes drawn together. */
class Strokes {
  constructor(count) {
    this.data = new Float32Array(WIDTH * count);
    this.count = 0;
  }

  add(a, b, wide, tone, follow = [0, 0], label = 0) {
    this.data.set([...a, ...b, ...wide, ...tone, ...follow, label], WIDTH * this.count);
    this.count += 1;
  }

  object(shared, { defines = {}, tables = shared.patches, opacity = 1, plain, scale = shared.scales.share, onTop = false }) {
    const geometry = new InstancedBufferGeometry();
    geometry.setAttribute(
      "position",
      new Float32BufferAttribute([0, -1, 0, 1, -1, 0, 1, 1, 0, 0, -1, 0, 1, 1, 0, 0, 1, 0], 3),
    );
    const columns = { a: [0, 3], b: [3, 3], wide: [6, 2], tone: [8, 2], follow: [10, 2], label: [12, 1] };
    for (const [name, [start, width]] of Object.entries(columns)) {
      const column = new Float32Array(width * this.count);
      for (let i = 0; i < this.count; i += 1) {
        column.set(this.data.subarray(WIDTH * i + start, WIDTH * i + start + width), width * i);
      }
      geometry.setAttribute(name, new InstancedBufferAttribute(column, width));
    }
    geometry.instanceCount = this.count;
    const material = new ShaderMaterial({
      glslVersion: GLSL3,
      defines,
      uniforms: {
        uView: shared.view,
        uPixel: shared.pixel,
        uExplode: shared.explode,
        uPlain: plain,
        uOpacity: { value: opacity },
        uTable: tables.colors,
        uShift: tables.shift,
        uScale: scale,
      },
      vertexShader: shaders.STROKE_VERTEX,
      fragmentShader: shaders.STROKE_FRAGMENT,
      transparent: true,
      depthTest: !onTop, // a single ball marks something that may lie behind a body
      depthWrite: false,
      side: 2,
    });
    const object = finish(new Mesh(geometry, material));
    if (onTop) object.renderOrder = 8;
    return object;
  }
}

/** Returns rings round places, over everything. */
export function rings(places, color, shared) {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new Float32BufferAttribute(places.flat(), 3));
  const material = new ShaderMaterial({
    glslVersion: GLSL3,
    uniforms: { uColor: color, uHalo: shared.background, uPixel: shared.pixel },
    vertexShader: shaders.RING_VERTEX,
    fragmentShader: shaders.RING_FRAGMENT,
    transparent: true,
    depthTest: false,
    depthWrite: false,
  });
  const object = finish(new Points(geometry, material));
  object.renderOrder = 9;
  return object;
}

function finish(object) {
  object.frustumCulled = false;
  return object;
}

/** Frees what an object holds on the GPU; textures are shared and stay. */
export function dispose(object) {
  object.traverse((part) => {
    part.geometry?.dispose();
    part.material?.dispose();
  });
}
