"""Makes a drawing fit to stand within a page: small, without ids or styles that touch anything else."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

TOOLTIP = "tooltip: "
"""An id that begins so is no id but a text to be shown under the pointer."""

DECIMALS = 2
"""Of coordinates: a hundredth of a unit cannot be seen."""

_ROOT_STYLE = "font-family: system-ui, sans-serif; stroke-linejoin: round; stroke-linecap: butt"
_NUMBER = re.compile(r"-?\d+\.\d+")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_NO_ROTATION = re.compile(r"rotate\(-?0 [^)]*\)")
_FONT = re.compile(r"\bfont: (?P<weight>bold |700 )?(?P<size>[\d.]+)px [^;]*")  # as matplotlib 3.10 has it
_FAMILY = re.compile(r"\bfont-family: [^;]*(; ?|$)")
_WITH_NUMBERS = ("d", "x", "y", "width", "height", "transform", "points")
_PAINTS = ("fill", "stroke")


def clean(drawing: str, name: str, told: tuple[str, str], colours: dict[str, str]) -> str:
    """Turn matplotlib's SVG into an element for a page.

    Args:
        drawing: a whole SVG document.
        name: goes before each id, so that ids of several drawings never meet.
        told: title and alternative text.
        colours: name of a CSS variable -> the colour that it replaces and that is used without it.
    """
    root = ElementTree.fromstring(drawing)
    for parent in list(root.iter()):
        parent.tag = _local(parent.tag)
        for child in list(parent):
            if _local(child.tag) in ("metadata", "style"):
                parent.remove(child)
    used = {reference for element in root.iter() for reference in _references(element)}
    for element in list(root.iter()):
        _mend(element, name, used, colours)
    _flatten(root)
    return finished(root, name, told)


def finished(root: Element, name: str, told: tuple[str, str]) -> str:
    """Write a drawing out, named for those who hear it: title and alternative text."""
    view_box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib |= {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": view_box,
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-alt",
        "style": _ROOT_STYLE,
    }
    for place, (kind, suffix, text) in enumerate((("title", "title", told[0]), ("desc", "alt", told[1]))):
        element = Element(kind, {"id": f"{name}-{suffix}"})
        element.text = text
        root.insert(place, element)
    return ElementTree.tostring(root, encoding="unicode")


def coloured(style: str, colours: dict[str, str]) -> str:
    """Put CSS variables in the place of a style's colours."""
    for variable, colour in colours.items():
        style = style.replace(colour, f"var(--{variable}, {colour})")
    return style


def _mend(element: Element, name: str, used: set[str], colours: dict[str, str]) -> None:
    attributes = {_local(key): value for key, value in element.attrib.items()}
    element.attrib.clear()
    identity = attributes.pop("id", "")
    if identity.startswith(TOOLTIP):
        SubElement(element, "title").text = identity.removeprefix(TOOLTIP)
    elif identity in used:
        element.set("id", f"{name}-{identity}")
    if "href" in attributes:
        element.set("href", f"#{name}-{attributes.pop('href').removeprefix('#')}")
    # A variable may stand in a style, but not in an attribute such as fill.
    paints = [f"{key}: {attributes.pop(key)}" for key in _PAINTS if key in attributes]
    if style := "; ".join([*paints, attributes.pop("style", "")]).strip("; "):
        attributes["style"] = coloured(_FAMILY.sub("", _FONT.sub(_font, style)).strip("; "), colours)
    for key, value in attributes.items():
        if key in _WITH_NUMBERS:
            value = " ".join(_NUMBER.sub(_rounded, _NO_ROTATION.sub("", value)).split())
        if value:
            element.set(key, _REFERENCE.sub(rf"url(#{name}-\1)", value))
    if element.text is not None and not element.text.strip():
        element.text = None
    element.tail = None


def _font(match: re.Match[str]) -> str:
    weight = "font-weight: 700; " if match["weight"] else ""
    return f"{weight}font-size: {match['size']}px"


def _flatten(parent: Element) -> None:
    """Leave out what is not seen: groups that group nothing, and outlines without a line."""
    children: list[Element] = []
    for child in list(parent):
        _flatten(child)
        if child.tag == "g" and not child.attrib and child.find("title") is None:
            children.extend(child)
        elif not (child.tag == "path" and child.get("style") == "fill: none"):
            children.append(child)
    parent[:] = children


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.{DECIMALS}f}".rstrip("0").rstrip(".")


def _references(element: Element) -> Iterable[str]:
    for key, value in element.attrib.items():
        if _local(key) == "href":
            yield value.removeprefix("#")
        yield from _REFERENCE.findall(value)


def _local(name: str) -> str:
    return name.rpartition("}")[2]
