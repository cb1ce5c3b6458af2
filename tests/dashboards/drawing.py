"""A board as a page of HTML, plainly, with what its queries answer: Grafana's grid, colours, units and sorting, without Grafana."""

import html
import math
import re

from grafana import Choice, rows_of

COLORS = {"green": "#56a64b", "red": "#d13a42", "orange": "#e0752d", "yellow": "#d9a900", "blue": "#3274d9", "text": "#c7d0d9"}
LINES = ["#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#f2495c", "#b877d9", "#8ab8ff", "#fade2a", "#96d98d", "#ffa6b0", "#ca95e5", "#ffcb7d"]
UNIT, GAP, WIDE = 30, 8, 1600
# Of panels that are shown without their board.
COLUMNS, MOST_ROWS = 24, 10
STYLE = """
* { box-sizing: border-box } body { margin: 0; background: #111217; color: #ccccdc; font: 13px "Liberation Sans", Arial, sans-serif; position: relative }
header { padding: 12px 16px; font-size: 18px } header small { color: #8e8e9c; font-size: 13px; margin-left: 12px } header b { background: #22252b; border-radius: 2px; padding: 3px 8px; font-weight: normal; font-size: 13px; margin-left: 8px }
.panel { position: absolute; background: #181b1f; border: 1px solid #2a2d33; border-radius: 2px; overflow: hidden; display: flex; flex-direction: column }
.panel h2 { font-size: 13px; font-weight: 600; margin: 0; padding: 6px 8px 4px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.panel h2 small { color: #8e8e9c; font-weight: normal }
.row { position: absolute; font-size: 16px; padding: 5px 8px } .fill { flex: 1; min-height: 0; overflow: hidden; padding: 0 8px 8px }
.stats { display: flex; gap: 4px; padding: 0 4px 4px } .stat { flex: 1; display: flex; flex-direction: column; justify-content: center; align-items: center; border-radius: 2px; color: #fff; min-width: 0; line-height: 1.1; overflow: hidden; text-align: center }
.stat.plain { color: #c7d0d9; background: none } .stat span { font-size: 12px; opacity: .95; max-width: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: 4px 8px; border-bottom: 1px solid #24272c; white-space: nowrap; font-size: 12.5px; max-width: 340px; overflow: hidden; text-overflow: ellipsis } th { color: #6e9fff; font-weight: 600 } td.number { text-align: right } a { color: #6e9fff }
.bar { display: flex; align-items: center; gap: 8px; height: 22px } .bar .name { width: 45%; text-align: right; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 12px } .bar .track { flex: 1; background: #22252b; height: 14px; position: relative } .bar .track div { height: 14px } .bar .value { width: 74px; font-size: 12.5px; white-space: nowrap }
.empty { color: #8e8e9c; display: flex; align-items: center; justify-content: center; height: 100%; font-size: 15px }
.chart { display: flex; gap: 8px } .legend { font-size: 11.5px; overflow: hidden; min-width: 130px; max-width: 40% } .legend div { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; line-height: 17px } .legend i { display: inline-block; width: 14px; height: 4px; margin-right: 6px; vertical-align: middle } svg text { fill: #9fa7b3; font-size: 11px }
.band { display: flex; align-items: center; gap: 8px } .band .name { width: 260px; text-align: right; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 11.5px } .band svg { flex: 1 }
"""


def scaled(value, base, names, decimals):
    for name in names:
        if abs(value) < base or name == names[-1]:
            return f"{value:.{1 if decimals is None and abs(value) < 100 and name != names[0] else decimals or 0}f} {name}".strip()
        value /= base
    return ""


def duration(value):
    for name, seconds in (("year", 31536000), ("week", 604800), ("day", 86400), ("hour", 3600), ("min", 60)):
        if abs(value) >= seconds:
            count = value / seconds
            return f"{count:.3g} {name}{'' if name == 'min' or abs(count) == 1 else 's'}"
    return f"{value:.3g} s"


def number(value, unit=None, decimals=None):
    if math.isinf(value):
        return "∞"
    if unit == "s":
        return duration(value)
    if unit == "percentunit":
        return f"{100 * value:.{1 if decimals is None else decimals}f}%"
    if unit in ("bytes", "Bps"):
        return scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], decimals) + ("/s" if unit == "Bps" else "")
    if unit == "short":
        return scaled(value, 1000, ["", "K", "Mil", "Bil"], decimals)
    if unit == "dateTimeFromNow":
        return "just now"
    text = f"{value:.{decimals}f}" if decimals is not None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return text + (" req/s" if unit == "reqps" else "")


def shown(value, field):
    """Text and colour of a value."""
    for it in field.get("mappings", []):
        key = value if isinstance(value, str) else f"{value:g}"
        if key in it["options"]:
            return it["options"][key]["text"], it["options"][key]["color"]
    if isinstance(value, str):
        return value, "text"
    color = "text"
    for step in field["thresholds"]["steps"]:
        if step["value"] is None or value >= step["value"]:
            color = step["color"]
    return number(value, field.get("unit"), field.get("decimals")), color


def legend(text, labels):
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), text) or next(iter(labels.values()), "value")


def named(panel, answers):
    return [(legend(target["legendFormat"], dict(labels)), value) for target, answer in zip(panel["targets"], answers, strict=True) for labels, value in answer]


def draw_stat(panel, answers, height, width):
    field, series = panel["fieldConfig"]["defaults"], named(panel, answers)
    if not series:
        return f'<div class="fill empty">{field.get("noValue", "No data")}</div>'
    mode, found = panel["options"]["textMode"], []
    for name, value in series[:12]:
        text, color = shown(value, field)
        if mode == "name":
            text, name = name, ""
        size = min(36, (height - 50) / 1.8, (width - 16) / len(series[:12]) / (0.58 * max(len(text), 3)))
        plain = "plain" if color == "text" else ""
        name = html.escape(name) if mode != "value" else ""
        found.append(f'<div class="stat {plain}" style="{"" if plain else "background:" + COLORS[color]}"><span>{name}</span><div style="font-size:{max(size, 13):.0f}px">{html.escape(text)}</div></div>')
    return f'<div class="fill stats">{"".join(found)}</div>'


def draw_bars(panel, answers, _height, _width):
    field, series = panel["fieldConfig"]["defaults"], named(panel, answers)
    if not series:
        return f'<div class="fill empty">{field.get("noValue", "No data")}</div>'
    most = field.get("max") or max(max(value for _, value in series), 1e-9)
    found = []
    for name, value in series:
        text, color = shown(value, field)
        found.append(f'<div class="bar"><div class="name">{html.escape(name)}</div><div class="track"><div style="width:{100 * max(min(value / most, 1), 0):.1f}%;background:{COLORS[color]}"></div></div><div class="value">{html.escape(text)}</div></div>')
    return f'<div class="fill">{"".join(found)}</div>'


def draw_table(panel, answers, _height, _width):
    columns, rows = rows_of(panel, answers)
    if not rows:
        return '<div class="fill empty">No data</div>'
    rules = {it["matcher"]["options"]: {one["id"]: one["value"] for one in it["properties"]} for it in panel["fieldConfig"]["overrides"]}
    head, body = "".join(f"<th>{html.escape(name)}</th>" for name in columns), []
    for row in rows[:60]:
        cells = []
        for name, value in zip(columns, row, strict=True):
            rule = rules.get(name, {})
            field = panel["fieldConfig"]["defaults"] | rule
            text, color = shown(value, field) if value is not None else (field.get("noValue", "–"), "text")
            style = f' style="background:{COLORS[color]};color:#fff"' if rule.get("custom.cellOptions") and color != "text" else ""
            text = html.escape(text)
            cells.append(f'<td class="{"" if isinstance(value, str) else "number"}"{style}>{f"<a>{text}</a>" if rule.get("links") and not style else text}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="fill"><table><tr>{head}</tr>{"".join(body)}</table></div>'


def ticks(most):
    step = 10 ** math.floor(math.log10(most or 1))
    step = next(it for it in (step / 5, step / 2, step, 2 * step) if most / it <= 5)
    return [step * count for count in range(int(most / step) + 1)]


def clock(at):
    import time

    return time.strftime("%H:%M", time.gmtime(at))


def draw_lines(panel, answers, height, start, end, width):
    field = panel["fieldConfig"]["defaults"]
    series = [(name, [(at, value) for at, value in values if not math.isnan(value)]) for name, values in named(panel, answers)]
    series = [it for it in series if it[1]]
    if not series:
        return '<div class="fill empty">No data</div>'
    stacked, as_bars = field["custom"]["stacking"]["mode"] == "normal", field["custom"]["drawStyle"] == "bars"
    if stacked:
        below, piled = {}, []
        for name, values in series:
            band = [(at, below.get(at, 0), below.get(at, 0) + value) for at, value in values]
            below |= {at: top for at, _, top in band}
            piled.append((name, band))
    else:
        piled = [(name, [(at, 0, value) for at, value in values]) for name, values in series]
    most = field.get("max") or max(max(top for _, _, top in band) for _, band in piled) * 1.05 or 1
    wide, high = width - 16 - min(0.4 * width, 60 + 8 * max(len(name) for name, _ in series)) - 8, height - 50
    left = 62

    def x(at):
        return left + (wide - left - 6) * (at - start) / (end - start)

    def y(value):
        return 6 + (high - 28) * (1 - min(value / most, 1))

    parts = [f'<line x1="{left}" x2="{wide:.0f}" y1="{y(it):.0f}" y2="{y(it):.0f}" stroke="#2a2d33"/><text x="{left - 6}" y="{y(it) + 4:.0f}" text-anchor="end">{number(it, field.get("unit"), field.get("decimals"))}</text>' for it in ticks(most)]
    parts += [f'<text x="{x(at):.0f}" y="{high - 6:.0f}" text-anchor="middle">{clock(at)}</text>' for at in (start + (end - start) * part / 6 for part in range(1, 6))]
    for index, (_, band) in enumerate(piled):
        color = LINES[index % len(LINES)]
        top = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, _, value in band)
        bottom = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value, _ in reversed(band))
        parts.append(f'<polygon points="{top} {bottom}" fill="{color}" opacity="{0.7 if as_bars else 0.3 if stacked else 0.06}"/><polyline points="{top}" fill="none" stroke="{color}" stroke-width="1.4"/>')
    names = "".join(f'<div><i style="background:{LINES[index % len(LINES)]}"></i>{html.escape(name)} <span style="color:#8e8e9c">{number(values[-1][1], field.get("unit"), field.get("decimals"))}</span></div>' for index, (name, values) in enumerate(series))
    return f'<div class="fill chart"><svg width="{wide:.0f}" height="{high:.0f}">{"".join(parts)}</svg><div class="legend">{names}</div></div>'


def draw_timeline(panel, answers, height, start, end, width):
    field = panel["fieldConfig"]["defaults"]
    series = named(panel, answers)
    if not series:
        return '<div class="fill empty">No data</div>'
    each, long, found = max(min((height - 40) / len(series), 24), 9), width - 16 - 268, []
    for name, values in series:
        parts, step = [], (values[1][0] - values[0][0]) if len(values) > 1 else 1
        for at, value in values:
            x = long * (at - start) / (end - start)
            parts.append(f'<rect x="{x:.1f}" y="1" width="{long * step / (end - start) + 0.6:.1f}" height="{each - 3:.0f}" fill="{COLORS[shown(value, field)[1]]}"/>')
        found.append(f'<div class="band" style="height:{each:.1f}px"><div class="name" style="font-size:{min(11.5, each):.0f}px">{html.escape(name)}</div><svg height="{each:.0f}" width="{long:.0f}">{"".join(parts)}</svg></div>')
    return f'<div class="fill">{"".join(found)}</div>'


ACROSS = (WIDE - GAP) / 24


def pixels(x, y, columns, rows):
    """Where a panel lies: left, top, width and height."""
    return GAP + x * ACROSS, y, columns * ACROSS - GAP, rows * (UNIT + GAP) - GAP


def drawn(panel, prometheus, choice, span, place, title=None):
    """A panel with what its queries answer."""
    (start, end), (_, _, width, height) = span, place
    answers = []
    for target in panel["targets"]:
        query = choice.fill(target["expr"])
        if target["instant"]:
            answers.append([it for it in prometheus.instant(query, end) if not math.isnan(it[1])])
        else:
            answers.append(prometheus.range(query, start, end, max((end - start) / 240, 1)))
    kind = panel["type"]
    if kind in ("timeseries", "state-timeline"):
        inner = (draw_lines if kind == "timeseries" else draw_timeline)(panel, answers, height, start, end, width)
    else:
        inner = {"stat": draw_stat, "bargauge": draw_bars, "table": draw_table}[kind](panel, answers, height, width)
    return f'<div class="panel" {placed(place)}><h2>{title or html.escape(panel["title"])}</h2>{inner}</div>'


def placed(place):
    return "style=\"left:{:.0f}px;top:{:.0f}px;width:{:.0f}px;height:{:.0f}px\"".format(*place)


def document(parts, width, height):
    style = f"{STYLE} body {{ width: {width:.0f}px; height: {height:.0f}px }}"
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style><body>{"".join(parts)}</body>'


def page(board, prometheus, choice, start, end):
    """The board as HTML, how wide it is, and how high."""
    choice = Choice(choice, board)
    parts, lowest = [], 0
    for panel in board["panels"]:
        at = panel["gridPos"]
        place = pixels(at["x"], 52 + at["y"] * (UNIT + GAP), at["w"], at["h"])
        lowest = max(lowest, place[1] + place[3])
        if panel["type"] == "row":
            parts.append(f'<div class="row" {placed(place)}>⌄ {html.escape(panel["title"])}</div>')
        else:
            parts.append(drawn(panel, prometheus, choice, (start, end), place))
    chosen = "".join(f"<b>{it['label']}: {' + '.join(choice.values.get(it['name'], ['All']))}</b>" for it in board["templating"]["list"] if it.get("label") and it["type"] == "query")
    head = f"<header>{html.escape(board['title'])}{chosen}<small>{html.escape(board['description'])}</small></header>"
    return document([head, *parts], WIDE, lowest + GAP), WIDE, int(lowest + GAP)


def some(panels, prometheus, start, end):
    """Panels of several boards in rows, as (board, panel): as HTML, how wide that is, and how high."""
    parts, x, y, tallest, widest = [], 0, GAP, 0, 0
    for board, panel in panels:
        columns, rows = panel["gridPos"]["w"], min(panel["gridPos"]["h"], MOST_ROWS)
        if x + columns > COLUMNS:
            x, y, tallest = 0, y + tallest + GAP, 0
        place = pixels(x, y, columns, rows)
        title = f"<small>{html.escape(board['title'].split(' / ')[-1])} ·</small> {html.escape(panel['title'])}"
        parts.append(drawn(panel, prometheus, Choice({"site": ["lyon"]} if board["uid"].endswith("-site") else {}, board), (start, end), place, title))
        x, tallest, widest = x + columns, max(tallest, place[3]), max(widest, x + columns)
    width, height = 2 * GAP + widest * ACROSS, y + tallest + GAP
    return document(parts, width, height), int(width), int(height)
