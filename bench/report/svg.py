"""Inline SVG: scales, ticks, marks and labels. Colours are classes, so that the page decides on light and dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from matplotlib.transforms import Bbox

from bench.report.perception_distortion import free_place

SERIES = 8  # classes s0 to s7
SHAPES = (
    "M-{r},0a{r},{r} 0 1,0 {d},0a{r},{r} 0 1,0 -{d},0Z",
    "M-{q},-{q}H{q}V{q}H-{q}Z",
    "M0,-{e}L{e},0L0,{e}L-{e},0Z",
    "M0,-{e}L{r},{q}L-{r},{q}Z",
    "M0,{e}L{r},-{q}L-{r},-{q}Z",
    "M-{t},-{r}H{t}V-{t}H{r}V{t}H{t}V{r}H-{t}V{t}H-{r}V-{t}H-{t}Z",
    "M-{r},0L-{h},-{q}H{h}L{r},0L{h},{q}H-{h}Z",
)
LETTER = 6.7  # pixels a letter of a label takes, at most on average
TALL = 14


@dataclass(frozen=True)
class Scale:
    """Values low to high on pixels start to end; log: by their logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (value - low) / ((high - low) or 1.0) * (self.end - self.start)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Round values inside, about as many as wanted."""
        if wanted < 1:
            return []
        if self.log:
            return _log_ticks(self.low, self.high)
        rough = (self.high - self.low) / wanted
        if rough <= 0 or not math.isfinite(rough):
            return [self.low]
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.7)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(number * step, 12) + 0.0 for number in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade, or the decades alone where there are many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1.0, 2.0, 5.0) if len(decades) < 5 else (1.0,)
    values = [step * 10.0**decade for decade in decades for step in steps]
    return [float(f"{value:.6g}") for value in values if low <= value <= high] or [low]


def number(value: float) -> str:
    """A coordinate: one decimal, no trailing zero."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def show(value: float) -> str:
    """A tick's label."""
    return f"{value:g}".replace("-", "−")


def element(name: str, *children: str, **attributes: object) -> str:
    """<name attributes>children</name>; an attribute's trailing or inner _ is a - (class_, stroke_width)."""
    plain = {key: number(value) if isinstance(value, float) else str(value) for key, value in attributes.items()}
    head = " ".join([name, *(f'{k.rstrip("_").replace("_", "-")}="{escape(v)}"' for k, v in plain.items())])
    return f"<{head}>{''.join(children)}</{name}>" if children else f"<{head}/>"


def text(x: float, y: float, words: str, role: str = "", anchor: str = "start") -> str:
    return element("text", escape(words), x=x, y=y, class_=role, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, role: str) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=role)


def polyline(points: Sequence[tuple[float, float]], role: str) -> str:
    return element("polyline", points=" ".join(f"{number(x)},{number(y)}" for x, y in points), class_=role)


def mark(x: float, y: float, order: int, radius: float, role: str, title: str) -> str:
    """The marker of the method of this order, with a tooltip."""
    shape = SHAPES[(order + order // SERIES) % len(SHAPES)]
    factors = {"r": 1.0, "d": 2.0, "q": 0.87, "e": 1.25, "t": 0.36, "h": 0.5}
    path = shape.format(**{key: number(factor * radius) for key, factor in factors.items()})
    moved = f"translate({number(x)} {number(y)})"
    return element(
        "path", element("title", escape(title)), d=path, transform=moved, class_=f"mark s{order % SERIES} {role}"
    )


def frame(x: Scale, y: Scale, names: tuple[str, str], wanted: tuple[int, int] = (5, 5)) -> str:
    """Grid lines, tick labels and the names of both axes."""
    parts = []
    for value in x.ticks(wanted[0]):
        at = x.at(value)
        parts += [line(at, y.start, at, y.end, "grid"), text(at, y.start + 16, show(value), "tick", "middle")]
    for value in y.ticks(wanted[1]):
        at = y.at(value)
        parts += [line(x.start, at, x.end, at, "grid"), text(x.start - 6, at + 4, show(value), "tick", "end")]
    parts += [text((x.start + x.end) / 2, y.start + 36, names[0], "axis", "middle")] if names[0] else []
    parts += [text(8, y.end - 12, names[1], "axis")] if names[1] else []
    return "".join(parts)


def drawing(width: int, height: int, title: str, *children: str) -> str:
    """An SVG that fills its column; title: what it shows, for those who do not see it."""
    return element(
        "svg",
        element("title", escape(title)),
        *children,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=title,
        class_="chart",
        style=f"max-width:{1.25 * width:.0f}px",
    )


def labels(spots: Sequence[tuple[float, float, str]], others: Sequence[tuple[float, float]], box: Bbox) -> str:
    """A name beside each spot, where it covers no marker, label or frame; with a thread where it had to go far."""
    taken = [Bbox.from_bounds(x - 8, y - 8, 16, 16) for x, y, _ in spots]
    taken += [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in others]
    parts = []
    for x, y, name in spots:
        size = (LETTER * len(name), float(TALL))
        right, down = free_place((x, y), size, taken, box)
        taken.append(Bbox.from_bounds(x + right, y + down, *size))
        middle = (x + right + size[0] / 2, y + down + TALL / 2)
        if math.hypot(middle[0] - x, (middle[1] - y) * 2) > size[0] / 2 + 26:
            parts.append(line(x, y, middle[0], middle[1], "thread"))
        parts.append(text(x + right + size[0] / 2, y + down + TALL - 3.5, name, "label", "middle"))
    return "".join(parts)
