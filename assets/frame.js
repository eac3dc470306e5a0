// What every page needs of the browser: it tells when the visitor's system turns light or dark, keeps
// one entry in the history for each step of the visitor, and offers the pictures of all charts.

// Streamlit's own elements turn at once, but the server, which draws charts and VTK views, learns of
// it only with the next rerun. This asks for one.
function followTheme(setTriggerValue) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let timer;
  const request = () => { timer = setTimeout(() => setTriggerValue("turned", true), 300); };
  dark.addEventListener("change", request);
  return () => { clearTimeout(timer); dark.removeEventListener("change", request); };
}

// One entry in the browser's history for each step of a visitor. Streamlit replaces the entry when
// a control changes the address, so that Back would skip the step, and adds one for each of its own
// corrections. Here the first change of the address after a click or a key is a new entry, and all
// others replace it. After Back and Forward everything replaces until the next click or key.
function keepHistory() {
  if (window.__msptHistory) return;
  window.__msptHistory = true;
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let begins = false;
  const begin = (event) => {
    if (event.isTrusted && !event.repeat) begins = true;
  };
  addEventListener("pointerdown", begin, true);
  addEventListener("keydown", begin, true);
  addEventListener("popstate", () => { begins = false; }, true);
  // Jobs come and go by themselves; the address names them for a reload alone.
  const shown = (address) => {
    const url = new URL(address ?? location.href, document.baseURI);
    url.searchParams.delete("job");
    url.searchParams.sort();
    return url.pathname + url.search;
  };
  const write = (state, title, address) => {
    const moves = shown(address) !== shown();
    (moves && begins ? push : replace)(state, title, address);
    if (moves) begins = false;
  };
  history.pushState = write;
  history.replaceState = write;
}

// Two buttons in the bar of every chart, in place of the camera: its picture as SVG and as PNG,
// named after the chart. The bar is shown while one of them has the focus, too.
function offerPictures() {
  if (window.__msptPictures) return;
  window.__msptPictures = true;
  const FORMATS = ["svg", "png"];
  const nameOf = (chart) => {
    const key = chart.closest("[class*='st-key-']")?.className.match(/st-key-([\w-]+)/);
    return (key ? key[1] : "chart").replaceAll("_", "-");
  };
  const save = (chart, camera, format) => {
    const { width, height } = chart._fullLayout ?? {};
    chart._context.toImageButtonOptions = { format, filename: nameOf(chart), width, height, scale: 2 };
    camera.click();
  };
  const dress = (camera) => {
    const chart = camera.closest(".js-plotly-plot"), bar = camera.closest(".modebar");
    if (!chart?._context || !bar || camera.dataset.mspt) return;
    camera.dataset.mspt = "replaced";
    camera.style.display = "none";
    for (const format of FORMATS) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "modebar-btn";
      button.textContent = format.toUpperCase();
      button.setAttribute("aria-label", `Save this chart as ${format.toUpperCase()}`);
      button.title = `Save as ${format.toUpperCase()}`;
      button.style.cssText = "font: 600 11px sans-serif; color: inherit; opacity: 0.75; padding: 0 3px";
      button.addEventListener("click", () => save(chart, camera, format));
      button.addEventListener("focus", () => { bar.style.opacity = 1; });
      button.addEventListener("blur", () => { bar.style.opacity = ""; });
      camera.parentElement.append(button);
    }
  };
  const look = () => document.querySelectorAll(".modebar-btn[data-title^='Download plot']").forEach(dress);
  let asked = 0;
  new MutationObserver(() => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(look);
  }).observe(document.body, { childList: true, subtree: true });
  look();
}

export default function ({ setTriggerValue }) {
  keepHistory();
  offerPictures();
  return followTheme(setTriggerValue);
}
