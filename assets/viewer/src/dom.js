// Small helpers for elements. Text is always set as text.

/** Returns an element with properties, attributes (as `aria-…` and the like) and children. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const ICONS = {
  reset: "M3 12a9 9 0 1 0 3-6.7M3 4v5h5",
  save: "M4 8h3l2-3h6l2 3h3v11H4zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
  help: "M9.2 9.2a3 3 0 1 1 4.3 2.7c-1 .5-1.5 1.100-1.5 2.100M12 17.500v.3M12 21.500a9.500 9.500 0 1 0 0-19 9.500 9.500 0 0 0 0 19z",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  play: "M8 5.5v13l10-6.500z",
  pause: "M8.500 6v12M15.500 6v12",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Returns a button that shows an icon and says what it does. */
export function iconButton(name, label, onclick) {
  return el("button", { class: "tool", type: "button", title: label, "aria-label": label, onclick }, icon(name));
}

/** Gives a button of an icon another one. */
export function setIcon(button, name) {
  fill(button, icon(name));
}

/** Returns a slider with its text. */
export function slider(label, { min, max, step, value }, oninput) {
  const text = el("output", { class: "says" });
  const input = el("input", { type: "range", "aria-label": label });
  Object.assign(input, { min, max, step, value });
  input.addEventListener("input", () => oninput(Number(input.value)));
  return { element: el("label", { class: "slide" }, input, text), input, text };
}

/** Replaces children only if they differ, so that focus is not lost. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.filter((child) => child !== null));
}
