// What every page needs of the browser: it tells when the visitor's system turns light or dark, and
// keeps one entry in the history for each step of the visitor.

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

export default function ({ setTriggerValue }) {
  keepHistory();
  return followTheme(setTriggerValue);
}
