"""The shapes that boards are made of: Grafana's JSON from what a panel asks. Read by Grafana 10 to 12."""

# What the first version of each shape is that Grafana 10 reads; newer ones migrate it when it is loaded.
SCHEMA_VERSION = 39
WIDTH = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Steps of colours: what holds from a value on. The first one holds below all others.
PLAIN = [(None, "text")]
GREEN_RED = [(None, "green"), (1, "red")]
GREEN_ORANGE = [(None, "green"), (1, "orange")]
RED_GREEN = [(None, "red"), (1, "green")]

UP = {0: ("down", "red"), 1: ("up", "green")}
YES = {0: ("no", "text"), 1: ("yes", "green")}
# A thing that ought not to be.
BAD = {0: ("no", "green"), 1: ("yes", "red")}


def steps(pairs):
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for value, color in pairs]}


def mappings(words):
    """{value: (text, colour)}; a text as the key is the value of a label."""
    options = {str(value): {"text": text, "color": color, "index": index} for index, (value, (text, color)) in enumerate(words.items())}
    return [{"type": "value", "options": options}]


def link(title, uid, **labels):
    """A link to another board with labels of the row: `link("The site", "nbu-exporter-site", site="site")`."""
    variables = "".join(f"&var-{name}=${{__data.fields[\"{label}\"]:percentencode}}" for name, label in labels.items())
    return {"title": title, "url": f"/d/{uid}?${{datasource:queryparam}}&${{job:queryparam}}{variables}&${{__url_time_range}}"}


def defaults(unit=None, decimals=None, thresholds=None, words=None, none=None, least=None, most=None, links=None, custom=None):
    found = {"unit": unit, "decimals": decimals, "noValue": none, "min": least, "max": most, "links": links, "custom": custom}
    found = {key: value for key, value in found.items() if value is not None}
    found["thresholds"] = steps(thresholds or PLAIN)
    if words:
        found["mappings"] = mappings(words)
    return found


class Panel:
    """One question. `asks` are pairs of a query and its legend; `why_empty` says why it has no answer where nothing is wrong, and
    `per_pod` that it shows the exporter's pods and not sites: what tests/dashboards goes by."""

    def __init__(self, kind, title, says, asks, *, field, options, instant, table=False, transformations=(), overrides=(), why_empty=None, per_pod=False):
        self.why_empty, self.per_pod = why_empty, per_pod
        targets = []
        for letter, (expression, legend) in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", asks, strict=False):
            target = {"refId": letter, "datasource": SOURCE, "editorMode": "code", "expr": expression, "legendFormat": legend, "instant": instant, "range": not instant}
            targets.append(target | ({"format": "table"} if table else {}))
        assert len(targets) == len(asks), f"{title}: too many queries"
        self.json = {
            "type": kind, "title": title, "description": says, "datasource": SOURCE, "targets": targets,
            "fieldConfig": {"defaults": field, "overrides": list(overrides)}, "options": options,
        }  # fmt: skip
        if transformations:
            self.json["transformations"] = list(transformations)

    @property
    def title(self):
        return self.json["title"]


def flags(keywords):
    return {name: keywords.pop(name) for name in ("why_empty", "per_pod") if name in keywords}


def stat(title, says, asks, *, names=None, **field):
    """Numbers to see from afar. Names are shown where there is more than one, `names="name"` shows nothing else."""
    more = flags(field)
    mode = names or ("value_and_name" if len(asks) > 1 or "{{" in asks[0][1] else "value")
    options = {
        "colorMode": "background", "graphMode": "none", "justifyMode": "center", "orientation": "auto", "textMode": mode,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }  # fmt: skip
    field.setdefault("none", "not read")
    return Panel("stat", title, says, asks, field=defaults(**field), options=options, instant=True, **more)


def bars(title, says, asks, **field):
    """One bar for each series, as they are now."""
    more = flags(field)
    options = {
        "displayMode": "basic", "orientation": "horizontal", "showUnfilled": True, "valueMode": "color", "minVizHeight": 16, "minVizWidth": 8, "namePlacement": "left", "sizing": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }  # fmt: skip
    field.setdefault("least", 0)
    field.setdefault("none", "not read")
    return Panel("bargauge", title, says, asks, field=defaults(**field), options=options, instant=True, **more)


def lines(title, says, asks, *, stacked=False, as_bars=False, **field):
    more = flags(field)
    custom = {
        "drawStyle": "bars" if as_bars else "line", "lineWidth": 1, "fillOpacity": 60 if as_bars else (25 if stacked else 5), "showPoints": "never", "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }  # fmt: skip
    options = {"legend": {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull"], "showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}}
    field.setdefault("least", 0)
    return Panel("timeseries", title, says, asks, field=defaults(custom=custom, **field), options=options, instant=False, **more)


def timeline(title, says, asks, **field):
    more = flags(field)
    options = {"mergeValues": True, "showValue": "never", "rowHeight": 0.85, "alignValue": "left", "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False}, "tooltip": {"mode": "single", "sort": "none"}}
    return Panel("state-timeline", title, says, asks, field=defaults(custom={"lineWidth": 0, "fillOpacity": 75}, **field), options=options, instant=False, **more)


class Column:
    """A column of a table: the value of a query, and those of its labels that no other column has (`labels={"result": "Last result"}`)."""

    def __init__(self, title, asks=None, *, labels=None, width=None, link=None, colored=None, **field):
        self.title, self.asks, self.labels, self.width, self.link = title, asks, labels or {}, width, link
        self.colored = colored if colored is not None else bool(field.get("thresholds") or field.get("words"))
        self.field = field

    def override(self, title):
        field = defaults(**self.field)
        properties = [{"id": name, "value": field[name]} for name in ("unit", "decimals", "noValue", "min", "max", "mappings") if name in field]
        if self.field.get("thresholds"):
            properties.append({"id": "thresholds", "value": field["thresholds"]})
        if self.colored:
            properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
        if self.width:
            properties.append({"id": "custom.width", "value": self.width})
        if self.link:
            properties.append({"id": "links", "value": [self.link]})
        return {"matcher": {"id": "byName", "options": title}, "properties": properties}


def table(title, says, keys, columns, *, sort=None, descending=False, **more):
    """Rows by labels: `keys` are columns without a query, named `Column("site")` by their label. All queries have these labels."""
    asked = [column for column in columns if column.asks]
    hidden, renamed, order, overrides = {"Time": True}, {}, {}, []
    # Of a board of one site it is no column.
    if "site" not in [column.title for column in keys]:
        hidden["site"] = True

    def place(name, shown, column):
        renamed[name] = shown
        order[name] = len(order)
        if properties := column.override(shown)["properties"]:
            overrides.append({"matcher": {"id": "byName", "options": shown}, "properties": properties})

    for column in keys:
        place(column.title, column.title, column)
    for index, column in enumerate(asked):
        name = "Value" if len(asked) == 1 else f"Value #{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[index]}"
        for label, shown in column.labels.items():
            place(label, shown, column)
        if column.labels:
            hidden[name] = True
        else:
            place(name, column.title, column)
    transformations = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": hidden, "indexByName": order, "renameByName": {name: shown for name, shown in renamed.items() if name != shown}}},
    ]
    options = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "fields": "", "countRows": False}}
    if sort:
        # By what stands first; what is equal there by the next.
        by = [(sort, descending)] if isinstance(sort, str) else sort
        options["sortBy"] = [{"displayName": name, "desc": down} for name, down in by]
    field = defaults(none="–", custom={"align": "auto", "filterable": True, "cellOptions": {"type": "auto"}})
    asks = [(column.asks, "") for column in asked]
    return Panel("table", title, says, asks, field=field, options=options, instant=True, table=True, transformations=transformations, overrides=overrides, **more)


class Variable:
    """A variable that the board asks for: `Variable("policy", "Policy", "label_values(nbu_policy_active, policy)")`."""

    def __init__(self, name, label, query, *, several=True):
        self.json = {
            "name": name, "label": label, "type": "query", "datasource": SOURCE, "definition": query, "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1,
            "multi": several, "includeAll": several, "current": {},
        }  # fmt: skip
        if several:
            self.json |= {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}}


class Constant:
    def __init__(self, name, value):
        self.json = {"name": name, "type": "constant", "query": str(value), "hide": 2, "skipUrlSync": True, "current": {"text": str(value), "value": str(value), "selected": False}}


class Board:
    def __init__(self, file, uid, title, says, variables, annotations=()):
        self.file, self.uid, self.title, self.says, self.variables, self.annotations = file, uid, title, says, variables, annotations
        self.panels, self.placed, self.x, self.y, self.height = [], [], 0, 0, 0

    def row(self, title):
        self.wrap()
        self.placed.append({"type": "row", "title": title, "collapsed": False, "gridPos": {"x": 0, "y": self.y, "w": WIDTH, "h": 1}, "panels": []})
        self.y += 1

    def wrap(self):
        self.x, self.y, self.height = 0, self.y + self.height, 0

    def add(self, width, height, panel):
        """From left to right; a panel that does not fit begins a new line."""
        if self.x + width > WIDTH:
            self.wrap()
        self.placed.append(panel.json | {"gridPos": {"x": self.x, "y": self.y, "w": width, "h": height}})
        self.panels.append(panel)
        self.x, self.height = self.x + width, max(self.height, height)

    def json(self):
        datasource = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}}
        return {
            "uid": self.uid, "title": self.title, "description": self.says, "tags": ["netbackup"], "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": True,
            "refresh": "1m", "time": {"from": "now-24h", "to": "now"},
            "annotations": {"list": [{"datasource": SOURCE, "enable": True, "iconColor": "blue"} | it for it in self.annotations]},
            "links": [{"type": "dashboards", "title": "NetBackup", "tags": ["netbackup"], "includeVars": True, "keepTime": True}],
            "templating": {"list": [datasource] + [it.json for it in self.variables]},
            "panels": [panel | {"id": number} for number, panel in enumerate(self.placed, 1)],
        }  # fmt: skip
