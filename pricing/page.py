"""Parts of a self-contained page: its elements, its tables, and the look that every page of the product shares.

Rule 1  Text is escaped here; what a function calls `inside`, `body` or `style` is markup already.
Rule 2  A page fetches nothing, and the browser is told to refuse if it tried.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
LIGHT: Final = (
    "--ink:#1a1f24;--soft:#57606a;--page:#fff;--card:#f6f8fa;--line:#d0d7de;--mark:#0b5cad;--good:#116329;"
    "--bad:#a40e26;--c0:#0b5cad;--c1:#b35900;--c2:#116329;--c3:#8250df;--c4:#a40e26;--c5:#57606a;--c6:#0e7490;"
    "--c7:#7a5c00;--c8:#9a3c86"
)
DARK: Final = (
    "--ink:#e6edf3;--soft:#a3adb8;--page:#0d1117;--card:#161b22;--line:#3d444d;--mark:#79b8ff;--good:#56d364;"
    "--bad:#ff8f87;--c0:#79b8ff;--c1:#f0a35e;--c2:#56d364;--c3:#c8a6ff;--c4:#ff8f87;--c5:#a3adb8;--c6:#5ed3e8;"
    "--c7:#e3c453;--c8:#f29ede"
)
"""Text against page and card: 4.5 to 1 at least, by day and by night (WCAG 2.2, AA); tests compute it."""
STYLE: Final = f"""
:root{{color-scheme:light dark;{LIGHT}}}
@media screen and (prefers-color-scheme:dark){{:root{{{DARK}}}}}
*{{box-sizing:border-box}}
body{{margin:0 auto;max-width:76rem;padding:1rem 1.25rem 4rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);
background:var(--page)}}
h1{{font-size:1.05rem;font-weight:600;color:var(--soft);margin:.5rem 0}}
h2{{font-size:1.1rem;margin:2rem 0 .5rem}}
.verdict{{border-left:.35rem solid var(--mark);background:var(--card);padding:1rem 1.25rem;border-radius:.25rem}}
.verdict p{{margin:.25rem 0}}.verdict .title{{font-size:1.6rem;font-weight:700;line-height:1.2}}
.soft{{color:var(--soft);font-size:.9rem}}
.grid{{display:grid;gap:1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr))}}
:focus-visible{{outline:3px solid var(--mark);outline-offset:2px}}
.wide{{overflow-x:auto}}
table{{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem}}
caption{{text-align:left;color:var(--soft);padding:.5rem 0 .25rem}}
th,td{{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}}
th{{font-weight:600}}tbody th{{min-width:9rem}}td.n,th.n{{text-align:right;white-space:nowrap}}
tr.best td,tr.best th{{background:var(--card)}}
details{{border:1px solid var(--line);border-radius:.25rem;margin:.5rem 0;padding:.4rem .8rem}}
summary{{cursor:pointer;font-weight:600}}
svg{{width:100%;height:auto;display:block;background:var(--card);border-radius:.25rem}}
svg text{{fill:var(--ink);font:12px system-ui,sans-serif}}svg .axis{{stroke:var(--line);stroke-width:1}}
svg path.curve{{fill:none;stroke-width:2.5}}
footer{{overflow-wrap:anywhere}}code{{font-size:.88em;overflow-wrap:anywhere}}
@media(max-width:40rem){{body{{padding:.75rem .75rem 3rem}}.verdict .title{{font-size:1.3rem}}
th,td{{padding:.3rem .4rem}}tbody th{{min-width:7rem}}}}
@media print{{body{{max-width:none;padding:0}}.noprint{{display:none}}details{{border:0;padding:0}}
svg,.verdict,tr.best td,.bar{{print-color-adjust:exact}}h2{{break-after:avoid}}tr,svg{{break-inside:avoid}}
.wide{{overflow:visible}}table{{font-size:.8rem}}}}
"""


def tag(name: str, inside: str, **attributes: str) -> str:
    """Return an element; attribute values are escaped here; a trailing _ of a name falls away, others become -."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{told}>{inside}</{name}>"


def rows(cells: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Return table rows of plain text; the first cell heads its row, `numbers` are the columns of numbers."""
    made: list[str] = []
    for first, *rest in cells:
        others = "".join(tag("td", escape(one), class_="n" if n in numbers else "") for n, one in enumerate(rest, 1))
        made.append(tag("tr", tag("th", escape(first), scope="row") + others))
    return "".join(made)


def table(caption: str, columns: Sequence[str], body: str, numbers: Sequence[int] = (), *, titled: bool = False) -> str:
    """Return a table that scrolls sideways on a narrow screen, by keyboard too; `titled`: a heading says it."""
    shown = "" if titled else tag("caption", escape(caption))
    heads = "".join(
        tag("th", escape(one), scope="col", class_="n" if n in numbers else "") for n, one in enumerate(columns)
    )
    return tag("div", tag("table", shown + tag("thead", tag("tr", heads)) + body),
               class_="wide", tabindex="0", role="region", aria_label=caption)  # fmt: skip


def folded(title: str, inside: str, **attributes: str) -> str:
    """Return a part behind a disclosure, which opens for printing."""
    return tag("details", tag("summary", escape(title)) + inside, **{"class_": "print", **attributes})


def listed(items: Iterable[str]) -> str:
    """Return a list of plain text."""
    return tag("ul", "".join(tag("li", escape(item)) for item in items))


def document(title: str, body: str, style: str = "") -> str:
    """Return a whole page around its body; `style` follows the shared one."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'
