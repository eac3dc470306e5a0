// What Streamlit's component calls: `show` on each change of its data, `drop` when it goes away.
import { unpack } from "./packet.js";
import style from "./style.css";
import { View } from "./view.js";

const views = new WeakMap();

export function show(component) {
  const parent = component.parentElement;
  let view = views.get(parent);
  if (!view?.root.isConnected) {
    view?.drop();
    view = mount(parent);
    views.set(parent, view);
  }
  view.update(unpack(component.data), component);
}

export function drop(parent) {
  views.get(parent)?.drop();
  views.delete(parent);
}

function mount(parent) {
  if (!parent.querySelector("style[data-mspt]")) {
    const sheet = document.createElement("style");
    sheet.dataset.mspt = "";
    sheet.textContent = style;
    parent.append(sheet);
  }
  return new View(parent.querySelector(".mspt-viewer"));
}
