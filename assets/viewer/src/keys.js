// Keys of a focused viewer, and the panel that lists them.
import { el } from "./dom.js";

const TURN = Math.PI / 24;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const LIST = [
  [["drag"], "turn (flat clouds: move)"],
  [["right drag"], "move"],
  [["wheel"], "zoom to the mouse"],
  [["click"], "mark a point"],
  [["←", "→", "↑", "↓"], "turn (flat clouds: move)"],
  [["+", "−"], "zoom"],
  [["R"], "reset the view"],
  [["1", "2", "3"], "look along x, y, z"],
  [["L", "Shift L"], "next, previous level"],
  [["space"], "play, pause (times)"],
  [["←", "→"], "step in time, where there is one; with Shift: turn, move"],
  [["Home", "End"], "first, last time"],
  [["Tab"], "to the line between two shapes, where there is one; ← and → move it"],
  [["S"], "save as picture"],
  [["H", "?"], "this list"],
];

/** Returns the list of keys, hidden at first. */
export function helpPanel() {
  const rows = LIST.map(([keys, text]) => {
    const marks = keys.flatMap((key, i) => [i ? " " : "", el("kbd", {}, key)]);
    return el("tr", {}, el("td", {}, ...marks), el("td", {}, text));
  });
  const panel = el("div", { class: "help", role: "dialog", "aria-label": "Keys and mouse" }, el("table", {}, ...rows));
  panel.hidden = true;
  return panel;
}

export function bindKeys(view) {
  const actions = {
    "+": () => view.eye.zoomBy(1.2),
    "=": () => view.eye.zoomBy(1.2),
    "-": () => view.eye.zoomBy(1 / 1.2),
    _: () => view.eye.zoomBy(1 / 1.2),
    r: () => view.eye.reset(true),
    1: () => view.eye.lookAlong(0),
    2: () => view.eye.lookAlong(1),
    3: () => view.eye.lookAlong(2),
    l: () => view.numLevels > 1 && view.setLevel((view.level + 1) % view.numLevels),
    L: () => view.numLevels > 1 && view.setLevel((view.level + view.numLevels - 1) % view.numLevels),
    s: () => view.save(),
    h: () => view.toggleHelp(),
    "?": () => view.toggleHelp(),
    Escape: () => view.help.hidden || view.toggleHelp(),
  };
  const timed = {
    " ": () => view.player.toggle(),
    ArrowLeft: () => view.player.step(-1),
    ArrowRight: () => view.player.step(1),
    Home: () => view.player.step(-Infinity),
    End: () => view.player.step(Infinity),
  };
  view.stage.addEventListener("keydown", (event) => {
    if (!view.header || view.broken || event.ctrlKey || event.metaKey || event.altKey) return;
    const inTime = view.header.player && !event.shiftKey ? timed[event.key] : null;
    const arrow = inTime ? null : ARROWS[event.key];
    const action = inTime ?? (arrow
      ? () => view.eye.turn(arrow[0] * (view.cloud.flat ? 0.25 : TURN), arrow[1] * (view.cloud.flat ? 0.25 : TURN))
      : (actions[event.key] ?? actions[event.key.toLowerCase()]));
    if (!action) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  });
}
