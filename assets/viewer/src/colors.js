// Colors: lookup tables for the GPU, colors of groups, and what the page's theme says.
import { DataTexture, FloatType, LinearFilter, NearestFilter, RGBAFormat, UnsignedByteType } from "three";

const TEXELS = 256;
const WIDEST = 2048;
const MOST_COMPARED = 6000; // groups whose colors are chosen by where they lie

export function toRgb(color) {
  const value = parseInt(color.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

export const toUnit = (color) => toRgb(color).map((part) => part / 255);

/** Returns the page's own colors as #rrggbb, as far as Streamlit tells them. */
export function readPage(element) {
  const style = getComputedStyle(element);
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  const read = (name, otherwise) => {
    pen.fillStyle = otherwise;
    pen.fillStyle = style.getPropertyValue(name).trim() || otherwise;
    return pen.fillStyle.startsWith("#") ? pen.fillStyle : otherwise;
  };
  const background = read("--st-background-color", "#ffffff");
  const [red, green, blue] = toRgb(background);
  const dark = 0.3 * red + 0.59 * green + 0.11 * blue < 128;
  return { background, text: read("--st-text-color", dark ? "#e4e9ed" : "#1c2833"), dark };
}

/** Returns the color of a scale at a place from 0 to 1. */
export function mixStops(stops, place) {
  let upper = stops.findIndex(([stop]) => stop >= place);
  if (upper < 0) upper = stops.length - 1;
  const [high, last] = stops[upper];
  const [low, first] = stops[Math.max(upper - 1, 0)];
  const share = high > low ? Math.min(Math.max((place - low) / (high - low), 0), 1) : 1;
  const from = toRgb(first);
  return toRgb(last).map((part, index) => Math.round(from[index] + share * (part - from[index])));
}

/** Returns a scale as a texture of 256 colors. */
export function scaleTexture(stops) {
  const data = new Uint8Array(4 * TEXELS);
  for (let i = 0; i < TEXELS; i += 1) data.set([...mixStops(stops, i / (TEXELS - 1)), 255], 4 * i);
  const texture = new DataTexture(data, TEXELS, 1, RGBAFormat, UnsignedByteType);
  texture.magFilter = texture.minFilter = LinearFilter;
  texture.needsUpdate = true;
  return texture;
}

export const gradient = (stops) =>
  `linear-gradient(to right, ${stops.map(([at, color]) => `${color} ${100 * at}%`).join(", ")})`;

/** Returns a texture with one texel for each group, from four numbers a group. */
export function tableTexture(data, isFloat) {
  const count = Math.max(data.length / 4, 1);
  const width = Math.min(count, WIDEST);
  const height = Math.ceil(count / width);
  const whole = new (isFloat ? Float32Array : Uint8Array)(4 * width * height);
  whole.set(data);
  const type = isFloat ? FloatType : UnsignedByteType;
  const texture = new DataTexture(whole, width, height, RGBAFormat, type);
  texture.magFilter = texture.minFilter = NearestFilter;
  texture.needsUpdate = true;
  return texture;
}

/**
 * Returns the number of a color for each group, so that near groups differ: each group takes the
 * color whose nearest bearer so far is farthest away.
 */
export function spreadColors(centers, count, numColors) {
  const chosen = new Uint8Array(count);
  const nearest = new Float64Array(numColors);
  for (let k = 0; k < count; k += 1) {
    if (count > MOST_COMPARED) {
      chosen[k] = (k + (k >> 3)) % numColors;
      continue;
    }
    nearest.fill(Infinity);
    for (let j = 0; j < k; j += 1) {
      const x = centers[3 * k] - centers[3 * j];
      const y = centers[3 * k + 1] - centers[3 * j + 1];
      const z = centers[3 * k + 2] - centers[3 * j + 2];
      const distance = x * x + y * y + z * z;
      if (distance < nearest[chosen[j]]) nearest[chosen[j]] = distance;
    }
    const start = k % numColors; // ties: neighbors in number differ
    let best = start;
    for (let c = 0; c < numColors; c += 1) {
      const color = (start + c) % numColors;
      if (nearest[color] > nearest[best]) best = color;
    }
    chosen[k] = best;
  }
  return chosen;
}
