"""A drawing is cleaned of what it does not need and of what would touch the rest of a page."""

from finetable.reporting.svg import clean

DRAWING = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD" "http://www.w3.org/svg.dtd">
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
width="9pt" viewBox="0 0 9 9">
<metadata>who and when</metadata><defs><style type="text/css">*{color: red}</style></defs>
<g id="group"><!-- said --><path id="dot" d="M 1.23456 -2.5000 L 3 4.999" style="fill: #123456"/></g>
<g id="tooltip: a &lt;b&gt;"><use xlink:href="#dot" x="1.0" clip-path="url(#hole)"/></g>
<clipPath id="hole"><rect width="2.0" height="3" fill="#123456"/></clipPath>
<text style="font: bold 12px 'DejaVu Sans'; text-anchor: end" transform="rotate(-0 1 2)">#123456</text>
<text style="font-size: 12px; font-family: 'DejaVu Sans', Arial; fill: #123456">url(#hole)</text>
</svg>"""

CLEANED = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" role="img" '
    'aria-labelledby="pic-title pic-alt" '
    'style="font-family: system-ui, sans-serif; stroke-linejoin: round; stroke-linecap: butt">'
    '<title id="pic-title">T &amp; t</title><desc id="pic-alt">Alt</desc><defs />'
    '<path id="pic-dot" d="M 1.23 -2.5 L 3 5" style="fill: var(--ink, #123456)" />'
    '<g><use href="#pic-dot" x="1" clip-path="url(#pic-hole)" />'
    "<title>a &lt;b&gt;</title></g>"
    '<clipPath id="pic-hole"><rect width="2" height="3" style="fill: var(--ink, #123456)" /></clipPath>'
    '<text style="font-weight: 700; font-size: 12px; text-anchor: end">#123456</text>'
    '<text style="font-size: 12px; fill: var(--ink, #123456)">url(#hole)</text></svg>'
)


def test_what_is_left_of_a_drawing() -> None:
    cleaned = clean(DRAWING, "pic", ("T & t", "Alt"), {"ink": "#123456"})
    assert cleaned == CLEANED
