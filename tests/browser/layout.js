// What a person would find wrong with the layout of the page, in words; nothing if all is well.
() => {
  const wrong = [];
  const main = document.querySelector("[data-testid=stMain]");
  // Hidden twins for screen readers, icons whose names are text, tables and code that scroll by design.
  const exempt = ".katex-mathml, [data-testid=stIconMaterial], [data-testid=stDataFrame], .modebar, .js-plotly-plot";
  const all = [];
  const walk = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.closest(exempt)) continue;
      all.push(one);
      if (one.shadowRoot) walk(one.shadowRoot);
    }
  };
  walk(main);
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getBoundingClientRect().width > 1;
  const name = (one) => `${one.dataset.testid ?? one.tagName.toLowerCase()} "${one.textContent.trim().slice(0, 40)}"`;
  const parent = (one) => one.parentElement ?? one.getRootNode().host ?? null;

  if (main.scrollWidth > main.clientWidth + 1) wrong.push("the page scrolls sideways");
  for (const one of all) {
    if (!one.textContent.trim() || one.tagName === "STYLE" || !seen(one)) continue;
    const style = getComputedStyle(one);
    const clips = (overflow) => overflow !== "visible";
    if (clips(style.overflowX) && one.scrollWidth > one.clientWidth + 1) wrong.push(`cut at the side: ${name(one)}`);
    if (clips(style.overflowY) && one.clientHeight > 1 && one.scrollHeight > one.clientHeight + 2) {
      wrong.push(`cut below: ${name(one)}`);
    }
    const box = one.getBoundingClientRect();
    if (!one.children.length && style.position !== "fixed" && (box.right > innerWidth + 1 || box.left < -1)) {
      wrong.push(`beyond the window: ${name(one)}`);
    }
  }
  for (const card of main.querySelectorAll("[data-testid=stMetric]")) {
    const box = card.getBoundingClientRect();
    if (!seen(card)) wrong.push(`not seen: ${name(card)}`);
    for (let above = parent(card); above && above !== main; above = parent(above)) {
      const room = above.getBoundingClientRect();
      const style = getComputedStyle(above);
      if (style.overflowY !== "visible" && (box.bottom > room.bottom + 1 || box.top < room.top - 1)) wrong.push(`hidden: ${name(card)}`);
    }
  }
  // The inputs of sliders and switches are invisible and larger than what is drawn of them.
  const drawn = "[data-testid=stSlider], [data-testid=stCheckbox], [data-testid=stMetric]";
  const own = `button, input:not([type=file], [type=range], [type=checkbox]), select, a[href], ${drawn}`;
  const controls = all.filter((one) => one.matches(own) && seen(one));
  const boxes = controls.map((one) => one.getBoundingClientRect());
  for (let i = 0; i < controls.length; i += 1) {
    for (let j = i + 1; j < controls.length; j += 1) {
      const [a, b] = [boxes[i], boxes[j]];
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across < 3 || down < 3) continue;
      const nested = controls[i].contains(controls[j]) || controls[j].contains(controls[i]);
      const within = across > 0.95 * Math.min(a.width, b.width) && down > 0.95 * Math.min(a.height, b.height);
      if (!nested && !within) wrong.push(`overlap: ${name(controls[i])} and ${name(controls[j])}`);
    }
  }
  return [...new Set(wrong)];
}
