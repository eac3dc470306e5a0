// Which point is under the mouse: all points are projected here, without asking the GPU.
import { Matrix4 } from "three";

const DEPTH = 0.06; // points this much (in radii) behind the nearest one still compete

/**
 * Returns the point nearest to a place on a view among those in front, or -1.
 *
 * `x` and `y` are CSS pixels from the view's upper left corner, `reach` is in the same pixels; `steps` are
 * where the points are drawn, and `members` tells which of them a panel has; null for all.
 */
export function pointAt(cloud, camera, shifts, explode, { x, y, width, height, reach, steps, members }) {
  camera.updateMatrixWorld();
  const matrix = new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse);
  const m = matrix.elements;
  const [lx, ly, lz] = cloud.low;
  const [sx, sy, sz] = cloud.size.map((side) => side / 65535);
  const { groups, count } = cloud;
  const found = [];
  let front = Infinity;
  for (let i = 0; i < count; i += 1) {
    if (members && !members[i]) continue;
    let px = lx + sx * steps[3 * i];
    let py = ly + sy * steps[3 * i + 1];
    let pz = lz + sz * steps[3 * i + 2];
    if (explode > 0 && groups) {
      const k = 4 * groups[i];
      px += explode * shifts[k];
      py += explode * shifts[k + 1];
      pz += explode * shifts[k + 2];
    }
    const w = m[3] * px + m[7] * py + m[11] * pz + m[15];
    if (w <= 0) continue;
    const dx = (0.5 + (0.5 * (m[0] * px + m[4] * py + m[8] * pz + m[12])) / w) * width - x;
    if (dx > reach || dx < -reach) continue;
    const dy = (0.5 - (0.5 * (m[1] * px + m[5] * py + m[9] * pz + m[13])) / w) * height - y;
    const distance = dx * dx + dy * dy;
    if (distance > reach * reach) continue;
    const depth = camera.isPerspectiveCamera ? w : 0;
    found.push([i, distance, depth]);
    if (depth < front) front = depth;
  }
  let [best, least] = [-1, Infinity];
  for (const [i, distance, depth] of found) {
    if (depth <= front + DEPTH && distance < least) [best, least] = [i, distance];
  }
  return best;
}
