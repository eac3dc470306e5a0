// A picture to keep: all panels with their titles and color bars.
import { legend, paintBar } from "./bars.js";

/** Saves what is seen as a PNG file; call it right after painting. */
export async function savePicture(view) {
  const scale = view.canvas.width / view.stage.clientWidth;
  const [width, height] = [view.stage.clientWidth, view.stage.clientHeight];
  const panels = view.seen().map((i) => view.header.panels[i]);
  const sheet = document.createElement("canvas");
  sheet.width = Math.round(width * scale);
  sheet.height = Math.round((height + 4) * scale);
  const pen = sheet.getContext("2d");
  pen.scale(scale, scale);
  pen.fillStyle = view.page.background;
  pen.fillRect(0, 0, width, height + 60);
  pen.drawImage(view.canvas, 0, 0, width, height);
  const font = getComputedStyle(view.root).fontFamily;
  const ink = view.page.text;
  const draw = (panel, box) => paintBar(pen, panel, view.colors, { ...box, ink, font, text: legend(panel, null) });
  panels.forEach((panel, place) => {
    const box = view.painter.places[place];
    pen.fillStyle = ink;
    pen.textAlign = "center";
    pen.textBaseline = "bottom";
    pen.font = `600 13px ${font}`;
    pen.fillText(view.header.player ? `${panel.title}, ${view.player.words()}` : view.grid.cells[place].title.textContent, box.x + box.width / 2, box.y - 4);
  });
  const stage = view.stage.getBoundingClientRect();
  view.grid.runs.forEach(({ first }, i) => {
    const box = view.grid.holders[i].getBoundingClientRect();
    draw(panels[first], { x: box.left - stage.left, y: box.top - stage.top + 1, width: box.width });
  });
  const blob = await new Promise((done) => sheet.toBlob(done, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${view.header.label.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60) || "view"}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
