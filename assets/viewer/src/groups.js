// Groups at each level: their colors and how far they move, as tables for the GPU.
import { mergeMiddles, middlesOf, shiftsOf } from "./cloud.js";
import { spreadColors, tableTexture, toRgb } from "./colors.js";

/** Tables of all levels; the uniforms `patches` follow the level that is shown. */
export class Groups {
  constructor(middles, rows, palette, colors) {
    this.middles = middles;
    this.given = colors.map((row) => row.slice()); // numbers of colors, level by level; none to choose them here
    this.rows = rows.map((row) => row.slice()); // the message need not be kept
    this.count = middles.length / 4;
    this.palette = palette;
    this.cache = new Map();
    this.patches = { colors: { value: null }, shift: { value: null } };
    this.numLevels = rows.length;
  }

  /** Number of groups at a level. */
  size(level) {
    const row = this.rows[level];
    if (!row) return this.count;
    return row.reduce((most, group) => Math.max(most, group), 0) + 1;
  }

  /** Colors and shifts of the groups of a level, kept once made. */
  #at(level) {
    if (!this.cache.has(level)) {
      const row = level === null ? null : this.rows[level];
      const count = row ? this.size(level) : this.count;
      const middles = row ? mergeMiddles(this.middles, row, count) : this.middles;
      const centers = new Float32Array(3 * count);
      for (let k = 0; k < count; k += 1) centers.set(middles.subarray(4 * k, 4 * k + 3), 3 * k);
      const chosen = this.given[level ?? this.given.length - 1] ?? spreadColors(centers, count, this.palette.length);
      this.cache.set(level, { row, count, chosen, shifts: shiftsOf(middles) });
    }
    return this.cache.get(level);
  }

  #colors(chosen, row) {
    const rgb = this.palette.map((color) => [...toRgb(color), 255]);
    const size = row ? row.length : chosen.length;
    const data = new Uint8Array(4 * size);
    for (let k = 0; k < size; k += 1) data.set(rgb[chosen[row ? row[k] : k]], 4 * k);
    return tableTexture(data, false);
  }

  #spread(shifts, row) {
    if (!row) return shifts;
    const spread = new Float32Array(4 * row.length);
    for (let k = 0; k < row.length; k += 1) spread.set(shifts.subarray(4 * row[k], 4 * row[k] + 4), 4 * k);
    return spread;
  }

  /** Tables for spheres that are the groups of a level. */
  atLevel(level) {
    const entry = this.#at(level < this.numLevels ? level : null);
    entry.tables ??= {
      colors: { value: this.#colors(entry.chosen, null) },
      shift: { value: tableTexture(entry.shifts, true) },
    };
    return entry.tables;
  }

  /** Shows a level: points and patches take the colors and shifts of its groups. */
  show(level) {
    const entry = this.#at(level !== null && level < this.numLevels ? level : null);
    entry.patches ??= {
      colors: this.#colors(entry.chosen, entry.row),
      shift: this.#spread(entry.shifts, entry.row),
    };
    this.shifts = entry.patches.shift;
    entry.patches.texture ??= tableTexture(this.shifts, true);
    this.patches.colors.value = entry.patches.colors;
    this.patches.shift.value = entry.patches.texture;
  }

  dispose() {
    for (const { tables, patches } of this.cache.values()) {
      tables?.colors.value.dispose();
      tables?.shift.value.dispose();
      patches?.colors.dispose();
      patches?.texture?.dispose();
    }
    this.cache.clear();
  }
}

const equal = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

/**
 * Returns the groups that move and color spheres, and those that color each panel. Groups of
 * `previous` serve again where nothing in them has changed.
 */
export function groupsOf(cloud, panels, array, palette, previous) {
  const same = (all, others) => all.length === others.length && all.every((row, i) => equal(row, others[i]));
  const make = (labels, rows, middles, colors = []) => {
    const known = previous.find((one) => equal(one.labels, labels) && same(one.rows, rows) && same(one.given, colors));
    if (known) return known;
    const groups = new Groups(middles(), rows, palette, colors);
    groups.labels = labels.slice();
    return groups;
  };
  const found = panels.map((panel) => {
    if (panel.kind !== "labels") return null;
    const labels = array(panel.buffer);
    const rows = panel.levels.map((index) => array(index));
    const colors = panel.colors.map((index) => array(index));
    return make(labels, rows, () => middlesOf(cloud, labels, panel.count), colors);
  });
  const own = cloud.groups ?? new Uint16Array(0);
  const main =
    found.find((groups) => groups && (!cloud.groups || equal(groups.labels, own))) ??
    make(own, [], () => cloud.middles ?? new Float32Array(4));
  return { main, panels: found };
}
