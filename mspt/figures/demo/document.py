"""The files of the demo: pages as HTML, scenes and the viewer as scripts.

A browser that opens a file loads neither modules nor data by address, so that scripts are plain
ones and scenes are text in scripts. Each page has a policy that forbids every request but for its
own files.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from html import escape

from mspt.errors import MSPTError
from mspt.figures.demo.pages import Page
from mspt.figures.viewer.encode import encode_scene
from mspt.figures.viewer.still import picture

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'"
)
"""The viewer has its style in an element, and saves pictures by way of a blob."""

STYLE = """\
:root { color-scheme: light; --st-background-color: #ffffff; --st-text-color: #1c2833;
  --st-secondary-background-color: #f2f5f7; --st-border-color: #dbe2e8;
  --st-primary-color: #17698a; --st-font: system-ui, sans-serif; }
:root[data-theme=dark] { color-scheme: dark; --st-background-color: #10161c;
  --st-text-color: #e4e9ed; --st-secondary-background-color: #1b242d; --st-border-color: #33404b;
  --st-primary-color: #5fb4d3; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--st-text-color);
  background: var(--st-background-color); }
header, main, footer { max-width: 78rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: 0.3rem 1.1rem; align-items: center;
  padding-top: 0.9rem; padding-bottom: 0.7rem; border-bottom: 1px solid var(--st-border-color); }
header strong { margin-right: 0.4rem; }
header button { margin-left: auto; font: inherit; color: inherit; padding: 0.15rem 0.8rem;
  border: 1px solid var(--st-border-color); border-radius: 1rem; background: none;
  cursor: pointer; }
a { color: var(--st-primary-color); }
a[aria-current] { color: inherit; text-decoration: none; font-weight: 600; }
:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
h1 { font-size: 1.45rem; line-height: 1.25; margin: 1.1rem 0 0.4rem; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 0.4rem; }
p { max-width: 80ch; margin: 0.4rem 0 0.9rem; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { text-align: left; padding: 0.25rem 1.4rem 0.25rem 0; vertical-align: top;
  border-bottom: 1px solid var(--st-border-color); font-weight: 400; }
th { opacity: 0.75; }
pre { padding: 0.6rem 0.9rem; border-radius: 6px; overflow-x: auto;
  background: var(--st-secondary-background-color); font-size: 0.85rem; }
ul { padding-left: 1.2rem; } li { margin: 0.3rem 0; }
footer { margin-top: 2rem; padding-bottom: 2rem; font-size: 0.85rem; opacity: 0.8; }
"""

START = """\
(function () {
  const root = document.documentElement;
  const kept = (use) => { try { return use(localStorage); } catch { return null; } };
  const turn = (dark) => { root.dataset.theme = dark ? "dark" : "light"; };
  const before = kept((store) => store.getItem("theme"));
  turn(before ? before === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const dark = root.dataset.theme !== "dark";
      kept((store) => store.setItem("theme", dark ? "dark" : "light"));
      turn(dark);
    });
    const place = document.getElementById("viewer");
    if (!place) return;
    const text = atob(window.msptScene);
    const data = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const deaf = { setStateValue() {}, setTriggerValue() {} };
    window.msptViewer.show({ data, parentElement: place, ...deaf });
  });
})();
"""

_EXPORT = re.compile(r"export\{(?P<names>[\w$ ,]+)\};?\s*$")
_NAME = "MSPT Explorer"


def plain_script(module: str) -> str:
    """Return the viewer, a module, as a script that a page can load from a file.

    Args:
        module: The bundled module; its last statement exports what it offers.

    Raises:
        MSPTError: If it does not end so.

    Examples:
        >>> plain_script("const a=1;export{a as show};").rstrip()
        '(function(){"use strict";const a=1;window.msptViewer={show:a};})();'
    """
    found = _EXPORT.search(module)
    if found is None:
        raise MSPTError(
            "viewer must be a module that ends with its exports, got another file; "
            "build it with `make viewer`"
        )
    pairs = [one.split(" as ") for one in found["names"].split(",")]
    offered = ",".join(f"{pair[-1].strip()}:{pair[0].strip()}" for pair in pairs)
    body = module[: found.start()]
    return f'(function(){{"use strict";{body}window.msptViewer={{{offered}}};}})();\n'


def scene_script(page: Page) -> str:
    """Return the scene of a page as a script that holds its bytes as text."""
    still = b64encode(picture(page.scene, dark=False)).decode()
    message = encode_scene(page.scene).message(
        {}, label=page.title, pickable=False, picture=f"data:image/png;base64,{still}"
    )
    return f'window.msptScene="{b64encode(message).decode()}";\n'


def demo_files(pages: Sequence[Page], *, viewer: str, command: str) -> dict[str, str]:
    """Return the content of each file of the demo, by its name.

    Args:
        pages: The pages, in their order.
        viewer: The viewer as a module.
        command: Command that made the demo.
    """
    files = {"style.css": STYLE, "start.js": START, "viewer.js": plain_script(viewer)}
    for page in pages:
        files[f"{page.key}.js"] = scene_script(page)
    size = sum(len(content.encode()) for content in files.values()) / 1e6
    files["index.html"] = _index(pages, command=command, megabytes=size)
    files |= {f"{page.key}.html": _page_html(page, pages, command=command) for page in pages}
    return files


def _page_html(page: Page, pages: Sequence[Page], *, command: str) -> str:
    facts = "".join(
        f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in page.facts.items()
    )
    main = (
        f"<h1>{escape(page.title)}</h1>\n<p>{escape(page.says)}</p>\n"
        '<div id="viewer"><div class="mspt-viewer" style="height: 62vh"></div></div>\n'
        "<noscript>The picture needs JavaScript.</noscript>\n"
        f"<table>{facts}</table>\n"
        f"<h2>The command for this</h2>\n<pre>{escape(page.command)}</pre>"
    )
    scripts = ("viewer.js", f"{page.key}.js", "start.js")
    return _html(page.title, main, pages, here=page.key, scripts=scripts, command=command)


def _index(pages: Sequence[Page], *, command: str, megabytes: float) -> str:
    listed = "".join(
        f'<li><a href="{escape(page.key)}.html">{escape(page.link)}</a>: '
        f"{escape(page.says.split('. ')[0])}.</li>\n"
        for page in pages
    )
    main = (
        f"<h1>{_NAME}, as plain pages</h1>\n"
        "<p>The Multi-Scale Patch Transformer predicts fields on clouds of points: pressure on a "
        "car, stress in a part, flow through rock. These pages show what its models predict beside "
        "what a solver has computed. Every picture can be turned, zoomed and read: move the mouse "
        "over it, or press H for its keys.</p>\n"
        f"<ul>{listed}</ul>\n"
        f"<p>{len(pages)} scenes, {megabytes:.1f} MB in all. No page asks another host, and none "
        "needs a server. The app itself computes predictions for your own shapes; its README says "
        "how to start it.</p>"
    )
    return _html(_NAME, main, pages, here="index", scripts=("start.js",), command=command)


def _html(
    title: str,
    main: str,
    pages: Sequence[Page],
    *,
    here: str,
    scripts: Sequence[str],
    command: str,
) -> str:
    links = [("index", "Overview"), *((page.key, page.link) for page in pages)]
    listed = "\n".join(
        f'<a href="{escape(key)}.html"{" aria-current=page" if key == here else ""}>'
        f"{escape(name)}</a>"
        for key, name in links
    )
    loaded = "\n".join(f'<script src="{escape(name)}"></script>' for name in scripts)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="stylesheet" href="style.css">
<link rel="icon" href="data:,">
{loaded}
</head><body>
<header><strong>{_NAME}</strong>
{listed}
<button id="theme" type="button">Light or dark</button></header>
<main>
{main}
</main>
<footer>Made with <code>{escape(command)}</code>.</footer>
</body></html>
"""
