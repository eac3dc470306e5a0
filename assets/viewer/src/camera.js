// One camera for all panels: where it stands, how it moves, and where that is kept.
import { OrthographicCamera, PerspectiveCamera, Quaternion, Spherical, Vector3 } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { EXPLODED } from "./cloud.js";

const OPENING = 32; // degrees
const WHOLE = 2.6; // distance of a stop that shows the whole cloud
const MARGIN = 1.06;
const FROM = [-1.0, -1.2, 0.8]; // where the camera stands at first, for a third axis that points up
const AROUND = 1.1; // room round a body in its flow, over its own size
const WIDE = 1.4; // what is shown is about so much wider than tall
const MOST_ZOOM = 400;
const LIKE = 0.25; // a cloud whose size differs by less keeps the camera

/** The eight corners of a box given by its lowest and its highest one. */
const corners = (box) => [...Array(8).keys()].map((bits) => box[0].map((_, axis) => box[(bits >> axis) & 1][axis]));

const boxMiddle = ([low, high]) => low.map((part, axis) => (part + high[axis]) / 2);

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Eye {
  /** `extent` tells where points are drawn, and which balls have to be seen. */
  constructor(onChange, extent) {
    this.target = new Vector3();
    this.onChange = onChange;
    this.controls = [];
    this.extent = extent;
    this.explode = 0;
    this.aspect = 1;
  }

  /**
   * Takes on a cloud; the camera stays if it is the same or much like the last one, and flies to
   * what the same cloud is to show now.
   */
  setCloud(cloud, { geometry, up, radius, center, focus, closeup }) {
    const same = this.key === geometry;
    const alike =
      this.cloud &&
      this.cloud.flat === cloud.flat &&
      this.up === up &&
      Math.abs(radius / this.radius - 1) < LIKE &&
      Math.hypot(...center.map((part, axis) => part - this.center[axis])) < LIKE * radius;
    const before = this.focus;
    const changesKind = !this.camera || this.cloud.flat !== cloud.flat || this.up !== up;
    Object.assign(this, { key: geometry, cloud, up, radius, center, focus, closeup });
    if (changesKind) this.#make();
    if (same && JSON.stringify(before) !== JSON.stringify(focus)) this.moveTo(this.fit(this.firstDirection()), true);
    if (same) return;
    if (!this.#restore() && !(alike && this.moved)) this.reset(false);
  }

  #make() {
    this.dropControls();
    this.camera = this.cloud.flat
      ? new OrthographicCamera(-1, 1, 1, -1, 0.01, 20)
      : new PerspectiveCamera(OPENING, 1, 0.01, 40);
    if (this.cloud.flat) this.camera.up.set(0, 1, 0);
    else this.camera.up.copy(axisVector(this.up));
  }

  dropControls() {
    for (const control of this.controls) control.dispose();
    this.controls = [];
  }

  /** Lets a person move the camera in each of these elements. */
  listen(elements, { onStart, onEnd }) {
    this.dropControls();
    this.controls = elements.map((element) => {
      const control = new OrbitControls(this.camera, element);
      control.target = this.target;
      control.enableRotate = !this.cloud.flat;
      control.enableDamping = false;
      control.zoomToCursor = true;
      control.minDistance = 0.05;
      control.maxDistance = 16;
      control.minZoom = 0.2;
      control.maxZoom = this.#mostZoom();
      if (this.cloud.flat) {
        control.mouseButtons.LEFT = control.mouseButtons.RIGHT;
        control.touches.ONE = 1; // pan
      }
      control.addEventListener("start", onStart);
      control.addEventListener("change", () => this.onChange());
      control.addEventListener("end", () => {
        this.moved = true;
        this.save();
        onEnd();
      });
      return control;
    });
    this.camera.lookAt(this.target); // each new control has looked at the middle
  }

  setAspect(aspect) {
    this.aspect = aspect;
    if (this.cloud.flat) {
      const half = this.#halfHeight();
      Object.assign(this.camera, { left: -half * aspect, right: half * aspect, top: half, bottom: -half });
    } else this.camera.aspect = aspect;
    this.camera.updateProjectionMatrix();
  }

  /** Half the height of a flat view that shows all of the cloud, its patches moved apart. */
  #halfHeight() {
    const [width, height] = this.cloud.size;
    return ((1 + EXPLODED * this.explode) * MARGIN * Math.max(height, width / this.aspect)) / 2 || 1;
  }

  /** Steps back as patches move apart, so that they fill as much of the view; a flat one follows anyway. */
  stepBack(explode) {
    if (this.cloud.flat) return;
    const times = (1 + EXPLODED * explode) / (1 + EXPLODED * this.explode);
    this.camera.position.multiplyScalar(times);
    this.target.multiplyScalar(times);
  }

  /** Where the camera stands and looks so that the cloud, or its focus, fills the view, in a direction. */
  fit(direction) {
    if (this.cloud.flat) return this.#fitFlat();
    const toward = new Vector3(...direction).normalize();
    const right = new Vector3().crossVectors(this.camera.up, toward).normalize();
    const above = new Vector3().crossVectors(toward, right);
    const tall = Math.tan((OPENING * Math.PI) / 360) / MARGIN;
    const wide = tall * this.aspect;
    // Each point needs distance >= |across - middle| / half + depth, on either side of the middle.
    const reach = { left: -9, right: -9, down: -9, up: -9, least: 0.2 };
    const point = new Vector3();
    const include = (radius) => {
      const [x, y, z] = [point.dot(right), point.dot(above), point.dot(toward)];
      reach.right = Math.max(reach.right, z + (x + radius) / wide);
      reach.left = Math.max(reach.left, z - (x - radius) / wide);
      reach.up = Math.max(reach.up, z + (y + radius) / tall);
      reach.down = Math.max(reach.down, z - (y - radius) / tall);
      reach.least = Math.max(reach.least, z + 0.1);
    };
    if (this.focus && !this.explode) {
      for (const corner of this.#framed()) {
        point.fromArray(corner);
        include(0);
      }
    } else {
      for (let i = 0; i < Math.min(this.cloud.count, 3000); i += 1) {
        point.fromArray(this.extent.place(i, this.explode));
        include(0);
      }
      const balls = this.extent.balls();
      for (let i = 0; i < balls.length; i += 4) {
        point.fromArray(balls, i);
        include(balls[i + 3]);
      }
    }
    const distance = Math.max((reach.right + reach.left) / 2, (reach.up + reach.down) / 2, reach.least);
    const target = right.multiplyScalar(((reach.right - reach.left) / 2) * wide);
    target.addScaledVector(above, ((reach.up - reach.down) / 2) * tall);
    return { position: toward.multiplyScalar(distance).add(target), target, zoom: 1 };
  }

  /** What has to be seen of a focus: the body itself, as the corners of its box are empty, or the box. */
  #framed() {
    const body = this.closeup ? [] : this.extent.body();
    if (!body.length) return corners(this.focus);
    const middle = boxMiddle(this.focus);
    return body.map((corner) => corner.map((part, axis) => middle[axis] + AROUND * (part - middle[axis])));
  }

  /** Steps back, or nearer, so that panels of a new shape show about what those of the last one did. */
  keepInView(before) {
    if (this.cloud.flat) return;
    const times = Math.min(WIDE, before) / Math.min(WIDE, this.aspect);
    this.camera.position.sub(this.target).multiplyScalar(times).add(this.target);
    this.save();
  }

  #fitFlat() {
    if (!this.focus) return { position: new Vector3(0, 0, 5), target: new Vector3(), zoom: 1 };
    const [x, y] = boxMiddle(this.focus);
    const [width, height] = [0, 1].map((axis) => this.focus[1][axis] - this.focus[0][axis]);
    const zoom = (2 * this.#halfHeight()) / (MARGIN * Math.max(height, width / this.aspect, 1e-3));
    return { position: new Vector3(x, y, 5), target: new Vector3(x, y, 0), zoom };
  }

  /** How near a flat view goes: nearer where it begins near. */
  #mostZoom() {
    return this.cloud.flat ? MOST_ZOOM * Math.max(1, this.#fitFlat().zoom) : MOST_ZOOM;
  }

  /** From where the camera looks at first: from the front, and at a part of the cloud from outside. */
  firstDirection() {
    if (this.closeup) {
      return new Vector3(...boxMiddle(this.focus)).normalize().addScaledVector(this.camera.up, 0.4).toArray();
    }
    return [0, 1, 2].map((axis) => FROM[(axis + 2 - this.up + 3) % 3]);
  }

  reset(animated) {
    this.moved = false;
    sessionStorage.removeItem(this.#place());
    this.moveTo(this.fit(this.firstDirection()), animated);
  }

  /** Stands where a stop of a tour says. */
  stand(direction, distance, animated) {
    const whole = this.fit(direction);
    const closer = distance / WHOLE;
    if (this.cloud.flat) whole.zoom = 1 / closer;
    else whole.position.sub(whole.target).multiplyScalar(closer).add(whole.target);
    this.moveTo(whole, animated);
  }

  lookAlong(axis) {
    if (this.cloud.flat) return;
    const direction = [0, 0, 0];
    direction[axis] = axis === this.up || axis === 0 ? 1 : -1;
    if (axis === this.up) direction[(axis + 2) % 3] = -1e-3;
    this.moveTo(this.fit(direction), true);
    this.moved = true;
  }

  /** Moves the camera, in 0.6 s or at once. */
  moveTo({ position, target, zoom }, animated) {
    cancelAnimationFrame(this.flight);
    this.flight = 0;
    const from = { position: this.camera.position.clone(), target: this.target.clone(), zoom: this.camera.zoom };
    const settle = (share) => {
      this.target.lerpVectors(from.target, target, share);
      const [start, stop] = [from.position.clone().sub(from.target), position.clone().sub(target)];
      const length = start.length() ** (1 - share) * stop.length() ** share;
      const way = new Quaternion().setFromUnitVectors(start.clone().normalize(), stop.clone().normalize());
      const turned = start.applyQuaternion(new Quaternion().slerp(way, share)).setLength(length);
      this.camera.position.copy(this.target).add(share >= 1 ? stop : turned);
      this.camera.zoom = from.zoom ** (1 - share) * zoom ** share;
      this.camera.lookAt(this.target);
      this.camera.updateProjectionMatrix();
      this.onChange();
    };
    if (!animated || calm() || from.position.lengthSq() === 0) return settle(1);
    const begun = performance.now();
    const step = (now) => {
      const share = Math.min(Math.max((now - begun) / 600, 0), 1);
      settle(share >= 1 ? 1 : share * share * (3 - 2 * share));
      this.flight = share < 1 ? requestAnimationFrame(step) : 0;
      if (share >= 1) this.save();
    };
    this.flight = requestAnimationFrame(step);
    this.onChange(); // from now on the picture is not ready
  }

  /** Turns round the target by angles in radians; a flat cloud is pushed instead. */
  turn(right, up) {
    this.moved = true;
    if (this.cloud.flat) {
      const step = (0.6 * this.#halfHeight()) / this.camera.zoom;
      const push = new Vector3(right * step, up * step, 0);
      this.camera.position.add(push);
      this.target.add(push);
    } else {
      const around = new Quaternion().setFromUnitVectors(this.camera.up, new Vector3(0, 1, 0));
      const offset = this.camera.position.clone().sub(this.target).applyQuaternion(around);
      const place = new Spherical().setFromVector3(offset);
      place.theta += right;
      place.phi = Math.min(Math.max(place.phi - up, 0.01), Math.PI - 0.01);
      offset.setFromSpherical(place).applyQuaternion(around.invert());
      this.camera.position.copy(this.target).add(offset);
      this.camera.lookAt(this.target);
    }
    this.save();
    this.onChange();
  }

  zoomBy(times) {
    this.moved = true;
    if (this.cloud.flat) this.camera.zoom = Math.min(Math.max(this.camera.zoom * times, 0.2), this.#mostZoom());
    else this.camera.position.sub(this.target).divideScalar(times).clampLength(0.05, 16).add(this.target);
    this.camera.updateProjectionMatrix();
    this.save();
    this.onChange();
  }

  #place() {
    return `mspt-cam-${this.key}`;
  }

  /** The camera as plain numbers. */
  pose() {
    return {
      position: this.camera.position.toArray(),
      target: this.target.toArray(),
      zoom: this.camera.zoom,
    };
  }

  /** What turns places into pixels: the opening in degrees, or half the height of a flat view. */
  projection() {
    return this.cloud.flat ? { half: this.#halfHeight() } : { opening: OPENING, up: this.up };
  }

  save() {
    try {
      sessionStorage.setItem(this.#place(), JSON.stringify({ ...this.pose(), aspect: this.aspect }));
    } catch {
      // A full or forbidden store only means that the camera is not kept.
    }
  }

  #restore() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.#place()));
      if (!kept) return false;
      this.camera.position.fromArray(kept.position);
      this.target.fromArray(kept.target);
      this.camera.zoom = kept.zoom;
      this.camera.lookAt(this.target);
      this.moved = true;
      this.aspect = kept.aspect ?? this.aspect; // what follows adapts it to the panels of now
      return true;
    } catch {
      return false;
    }
  }
}

const axisVector = (axis) => new Vector3().setComponent(axis, 1);
