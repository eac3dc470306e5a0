// Runs after vtk.js: restores the camera, adds keys and a save button, and shows a message where
// WebGL is missing.
(() => {
  const content = document.querySelector(".content");
  const stored = `mspt-camera ${SCENE.camera}`;
  if (window.frameElement) {
    window.frameElement.title = SCENE.label;
    window.frameElement.style.height = "clamp(300px, min(60vh, 90vw), 1100px)";
  }

  function showMessage(text) {
    content.insertAdjacentHTML("beforeend", `<p class="note">${text}</p>`);
  }

  function load() {
    try {
      return JSON.parse(parent.sessionStorage.getItem(stored));
    } catch {
      return null; // no storage, as in some private windows
    }
  }

  function save(view) {
    try {
      if (view) parent.sessionStorage.setItem(stored, JSON.stringify(view));
      else parent.sessionStorage.removeItem(stored);
    } catch {}
  }

  if (!document.createElement("canvas").getContext("webgl2")) {
    showMessage("This browser draws no 3-D: it has no WebGL 2, or it is switched off.");
    return;
  }

  // Returns a picture of the scene with the color bar below it, its text placed as on the page.
  async function withBar(picture) {
    const strip = document.querySelector(".bar");
    if (!strip) return picture;
    const image = new Image();
    image.src = picture;
    await image.decode();
    const scale = image.width / content.clientWidth;
    const canvas = document.createElement("canvas");
    canvas.width = image.width;
    canvas.height = Math.round(scale * document.documentElement.clientHeight);
    const pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(document.body).backgroundColor;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0);
    pen.scale(scale, scale);
    const scaleBox = strip.querySelector("div");
    const box = scaleBox.getBoundingClientRect();
    const colors = getComputedStyle(scaleBox).backgroundImage.match(/rgb\([^)]*\)/g);
    const gradient = pen.createLinearGradient(box.left, 0, box.right, 0);
    colors.forEach((color, i) => gradient.addColorStop(i / (colors.length - 1), color));
    pen.fillStyle = gradient;
    pen.fillRect(box.left, box.top, box.width, box.height);
    pen.fillStyle = getComputedStyle(strip).color;
    pen.textBaseline = "middle";
    const letters = document.createTreeWalker(strip, NodeFilter.SHOW_TEXT);
    for (let text; (text = letters.nextNode()); ) {
      const range = document.createRange();
      range.selectNodeContents(text);
      const place = range.getBoundingClientRect();
      pen.font = getComputedStyle(text.parentElement).font;
      pen.fillText(text.data, place.left, (place.top + place.bottom) / 2);
    }
    return canvas.toDataURL("image/png");
  }

  function start(renderWindow, renderer) {
    const camera = renderer.getActiveCamera();
    const framed = currentView();
    let timer, moved = Boolean(load());

    // Where the camera stands at first: where all is seen in a window of this shape.
    function home() {
      const narrow = Math.max(1, (SCENE.aspect * content.clientHeight) / content.clientWidth);
      const position = framed.position.map((p, i) => framed.focal[i] + narrow * (p - framed.focal[i]));
      return { ...framed, position };
    }

    function currentView() {
      return { position: camera.getPosition(), focal: camera.getFocalPoint(), up: camera.getViewUp() };
    }
    function apply(view) {
      camera.setPosition(...view.position);
      camera.setFocalPoint(...view.focal);
      camera.setViewUp(...view.up);
      draw();
    }
    function draw() {
      renderer.resetCameraClippingRange();
      renderWindow.render();
    }

    apply(load() ?? home());
    new ResizeObserver(() => moved || apply(home())).observe(content);
    camera.onModified(() => {
      clearTimeout(timer);
      timer = setTimeout(() => save(moved && currentView()), 150);
    });
    const hint = document.createElement("p");
    hint.className = "hint";
    hint.textContent = "Drag to turn, scroll to zoom, double-click to reset";
    content.append(hint);
    for (const event of ["pointerdown", "wheel"]) {
      content.addEventListener(event, used, { capture: true, passive: true });
    }
    function used() {
      moved = true;
      hint.hidden = true;
    }
    function reset() {
      moved = false;
      save(null);
      apply(home());
    }
    content.addEventListener("dblclick", reset);

    const keys = {
      ArrowLeft: () => camera.azimuth(8), ArrowRight: () => camera.azimuth(-8),
      ArrowUp: () => camera.elevation(-6), ArrowDown: () => camera.elevation(6),
      "+": () => camera.dolly(1.1), "-": () => camera.dolly(1 / 1.1),
    };
    content.tabIndex = 0;
    content.addEventListener("keydown", (event) => {
      if (event.key === "Home" || event.key === "r") reset();
      else if (keys[event.key]) {
        used();
        keys[event.key]();
        camera.orthogonalizeViewUp();
        draw();
      } else return;
      event.preventDefault();
    });
    // vtk.js ends a drag whose moves arrive more than 200 ms apart, as they do on slow machines.
    const interactor = renderWindow.getInteractor();
    interactor.onStartMouseMove((event) => interactor.invokeMouseMove(event));
    // Switches off the keys of vtk.js itself, such as w for a wireframe.
    window.addEventListener("keypress", (event) => event.stopImmediatePropagation(), true);
    const button = document.createElement("button");
    button.className = "save";
    button.type = "button";
    button.textContent = "Save picture (PNG)";
    button.addEventListener("click", async () => {
      const picture = renderWindow.getViews()[0].captureNextImage("image/png");
      renderWindow.render();
      const link = document.createElement("a");
      link.href = await withBar(await picture);
      link.download = "view.png";
      link.click();
    });
    content.append(button);
    document.body.dataset.ready = "1";
  }

  const began = Date.now();
  const waiting = setInterval(() => {
    const renderWindow = window.global?.renderWindow;
    const renderer = renderWindow?.getRenderers().find((one) => one.getActors().length);
    if (renderer) start(renderWindow, renderer);
    else if (Date.now() - began < 30000) return;
    else showMessage("The 3-D view could not be drawn.");
    clearInterval(waiting);
  }, 30);
})();
