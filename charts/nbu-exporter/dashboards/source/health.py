"""The exporter: does it follow its configuration, and does it read every part of every site?"""

from asks import AGE_IN_INTERVALS, DAYS_KEY, HEALTH, JOB, KEY_DAYS, REFUSED, RELOADS, SITE, SITES, counted, highest, least, lowest, most, of, or_none, rate
from shapes import GREEN_ORANGE, GREEN_RED, UP, Board, Column, bars, lines, link, stat, table, timeline

board = Board("exporter-health", HEALTH, "NetBackup / Exporter health", "Does the exporter follow its configuration, and does it read every part of every site?", [JOB, SITES], [RELOADS])

BUILD = 'nbu_exporter_build_info{job=~"$job"}'
TO_SITE = link("The site", SITE, site="site")


def own(family):
    """A family of the exporter itself, by pod."""
    return f'{family}{{job=~"$job"}}'


def of_pods(expression):
    return f"max by (instance) ({expression})"


def process(family):
    # `job` alone would find every process that Prometheus knows.
    return f'max by (instance) ({own(family)} and on (job, instance) {BUILD})'


def add_seen():
    board.add(4, 5, stat("Sites that answer", "Whether each primary server answers and at least one collector reads it. First: the failures by reason below tell network, server and key apart; nbu-exporter doctor says more.", [(lowest(most("site", of("nbu_up"))), "{{site}}")], words=UP))
    board.add(4, 5, stat("API key", "Whether NetBackup takes the configured key, even if an older one is still in use. First: was it renewed or revoked? The Secret, then the API keys of the web UI.", [(lowest(least("site", of("nbu_api_credential_accepted"))), "{{site}}")], words={0: ("refused", "red"), 1: ("accepted", "green")}))
    board.add(4, 5, stat("Days until the key ends", "Days until the API key of each site ends. None: the role may not see its own key. First: make a new one and put it into the Secret; nothing restarts.", [(lowest(KEY_DAYS), "{{site}}")], decimals=0, thresholds=[(None, "red"), (7, "orange"), (DAYS_KEY, "green")], none="not known"))
    board.add(4, 5, stat("Collectors without permission", "Collectors whose resource the key's role may not see. First: the table below names them; docs/netbackup.md says what to add to the role.", [(highest(counted(REFUSED, of("nbu_scrape_collector_unauthorized"))), "{{site}}")], thresholds=GREEN_ORANGE))
    board.add(4, 5, stat("History read back", "How much was read, after a start, of the jobs and images in which last backups are looked for. Below 100 % a policy that seems never backed up may only not be found yet.", [(lowest(most("site", of("nbu_backup_history_read_ratio"))), "{{site}}")], unit="percentunit", decimals=0, thresholds=[(None, "orange"), (1, "green")]))
    board.add(4, 5, stat("Jobs on record", "Jobs of which the server has records, counted every hour without listing them. Many here while no job ended on the board of the site: the key sees only a part.", [(lowest(most("site", of("nbu_jobs_records"))), "{{site}}")], unit="short", thresholds=[(None, "red"), (1, "text")]))


def add_collectors():
    def of_collector(name):
        return most("site, collector", of(f"nbu_scrape_collector_{name}"))

    columns = [
        Column("Success", least("site, collector", of("nbu_scrape_collector_success")), words={0: ("no", "red"), 1: ("yes", "green")}, width=80),
        Column("Age, intervals", AGE_IN_INTERVALS, decimals=1, thresholds=[(None, "green"), (2, "orange"), (5, "red")], width=110),
        Column("Every", of_collector("interval_seconds"), unit="s", width=90),
        Column("Took", of_collector("duration_seconds"), unit="s", width=90),
        Column("Requests", of_collector("requests"), width=80),
        Column("Records", of_collector("records"), width=80),
        Column("Series", of_collector("series"), width=80),
        Column("Supported", least("site, collector", of("nbu_scrape_collector_supported")), words={0: ("no", "text"), 1: ("yes", "text")}, colored=False, width=90),
        Column("Refused", of_collector("unauthorized"), words={0: ("no", "text"), 1: ("yes", "red")}, width=80),
        Column("Cut short", of_collector("truncated"), words={0: ("no", "text"), 1: ("yes", "orange")}, width=80),
        Column("Capped", of_collector("capped_records_total"), thresholds=[(None, "text"), (1, "orange")], width=80),
        Column("Odd", of_collector("odd_records_total"), thresholds=[(None, "text"), (1, "orange")], width=70),
    ]
    says = "Each collector of each site: whether its last run succeeded, how old its values are, what it costs, and what it could not give. Those that failed on top, then the oldest. Refused: a permission; not supported: the release lacks it, which is no fault; cut short: a list longer than one run reads; capped: more objects than series; odd: records that are not as documented."
    board.add(24, 14, table("Collectors", says, [Column("site", link=TO_SITE, width=110), Column("collector")], columns, sort=[("Success", False), ("Age, intervals", True)]))
    success = of("nbu_scrape_collector_success")
    failed = f"{least('site, collector', success)} and on (site, collector) min by (site, collector) (min_over_time({success}[$__range])) == 0"
    failed = f'({failed}) or label_replace({most("site", success)}, "collector", "any", "", "")'
    board.add(24, 12, timeline("Runs of collectors, over time", "Collectors of which a run failed in the time shown, and each site as a whole. One red line: that resource; all of one site: the server or the key; all: the network or the exporter.", [(failed, "{{site}} {{collector}}")], words={0: ("failed", "red"), 1: ("succeeded", "green")}))


def add_requests():
    rate_of = rate("site, code", of("nbu_api_requests_total"))
    board.add(8, 8, lines("Requests, by answer", "Requests a second by HTTP status code; none: no answer came. 401 and 403: key or permission; 429 and 503: the server asks for quiet; none: network.", [(rate_of, "{{site}} {{code}}")], unit="reqps", stacked=True))
    by_resource = rate("site, resource", of("nbu_api_requests_total"))
    board.add(8, 8, lines("Requests, by resource", "Requests a second by what is asked for. The most expensive one is the one to give a longer interval.", [(by_resource, "{{site}} {{resource}}")], unit="reqps"))
    buckets = rate("site, resource, le", of("nbu_api_request_duration_seconds_bucket"), "30m")
    board.add(8, 8, lines("Time to answer, p95, by resource", "From sending a request to the head of its answer, of the last half hour. One that rises alone: that part of the server; all: the server or the way to it.", [(f"histogram_quantile(0.95, {buckets})", "{{site}} {{resource}}")], unit="s"))
    failures = f"sum by (site, reason) (max without (instance, pod) (increase({of('nbu_api_request_failures_total')}[1h])))"
    board.add(8, 8, bars("Failures of an hour, by reason", "Requests of the last hour that brought nothing usable, by reason. connect, dns, timeout: network; tls: certificate; unauthorized: key or permission; else the server.", [(highest(or_none(f"round({failures}) > 0", of("nbu_api_request_failures_total"), "reason"), 12), "{{site}} {{reason}}")], decimals=0, thresholds=GREEN_ORANGE))
    board.add(8, 8, lines("Asked for quiet, in an hour", "Answers that asked for fewer requests (429, or 503 with Retry-After). First: longer intervals, or a lower limit of requests at once.", [(f"sum by (site) (max without (instance, pod) (increase({of('nbu_api_throttled_total')}[1h])))", "{{site}}")]))
    board.add(8, 8, lines("Sent again, in an hour", "Requests that were sent again after a passing failure. Some are normal; many: a proxy or a server at its limit.", [(f"sum by (site) (max without (instance, pod) (increase({of('nbu_api_retries_total')}[1h])))", "{{site}}")]))


def add_configuration():
    applied = of_pods(own("nbu_exporter_config_last_reload_successful"))
    board.add(5, 4, stat("Configuration", "Whether the newest known configuration is the running one. First: the exporter's own page / names the line to mend.", [(applied, "{{instance}}")], words={0: ("rejected", "red"), 1: ("runs", "green")}, per_pod=True))
    board.add(5, 4, stat("Configuration applied", "When the running configuration was put to work.", [("1000 * " + of_pods(own("nbu_exporter_config_last_reload_success_timestamp_seconds")), "{{instance}}")], unit="dateTimeFromNow", per_pod=True))
    watch = f"{of_pods(own('nbu_exporter_config_kubernetes_watch_up'))} or on (instance) 0 * {of_pods(BUILD)} - 1"
    board.add(5, 4, stat("Kubernetes API", "Whether the Kubernetes API answers what the exporter follows, where it follows an object. Without it edits arrive by the mounted file, about a minute later.", [(watch, "{{instance}}")], words={-1: ("not used", "text"), 0: ("no answer", "red"), 1: ("answers", "green")}, per_pod=True))
    board.add(5, 4, stat("Version", "The version that each pod runs.", [("max by (instance, version) (nbu_exporter_build_info{job=~\"$job\"})", "{{version}} {{instance}}")], names="name", per_pod=True))
    board.add(4, 4, stat("Panics", "Each is a bug, kept in its task. First: the log has a line of it, for a report.", [(of_pods(own("nbu_exporter_panics_total")), "{{instance}}")], thresholds=GREEN_RED, per_pod=True))
    reloads = 'sum by (job, trigger, outcome) (max without (instance, pod) (increase(nbu_exporter_config_reloads_total{job=~"$job"}[1h]))) > 0'
    board.add(8, 8, lines("Reloads, in an hour", "Reloads that brought news or that somebody asked for, by what triggered them and what came of it.", [(reloads, "{{trigger}} {{outcome}}")], why_empty="nothing was reloaded"))
    board.add(8, 8, lines("Lag of the mounted file", "How long the mounted file has not shown the newest configuration, where an object is followed as well. Minutes: the kubelet is late.", [(of_pods(own("nbu_exporter_config_mount_lag_seconds")), "{{instance}}")], unit="s", why_empty="only where a ConfigMap or Secret is followed", per_pod=True))
    board.add(8, 8, lines("Memory", "Resident memory of each pod. A step up is a new site; a line that only rises is a leak to report.", [(process("process_resident_memory_bytes"), "{{instance}}")], unit="bytes", per_pod=True))
    cpu = f'max by (instance) (rate(process_cpu_seconds_total{{job=~"$job"}}[$__rate_interval]) and on (job, instance) {BUILD})'
    board.add(8, 8, lines("Processor", "Cores that each pod uses.", [(cpu, "{{instance}}")], decimals=3, per_pod=True))
    restarts = most("site", of("nbu_exporter_poller_restarts_total"))
    board.add(8, 8, lines("Restarted pollers", "Times that a site's poller was started again after a panic. More than 0: a bug to report.", [(restarts, "{{site}}")]))
    words = "sum by (job, level) (max without (instance, pod) (increase(nbu_exporter_log_messages_total{job=~\"$job\",level=~\"warn|error\"}[1h])))"
    board.add(8, 8, lines("Warnings and errors in the log, in an hour", "Log lines of the levels that somebody should read.", [(words, "{{level}}")]))


def add_fleet():
    alone = "the replicas share no sites"
    members = of_pods(own("nbu_exporter_fleet_members"))
    board.add(8, 8, stat("Members, as each pod counts them", "Replicas that share the sites. All pods count the same but for the seconds of a hand-over. First, if not: which pod can not renew its Lease? Its log says why.", [(members, "{{instance}}")], none="not shared", why_empty=alone, per_pod=True))
    board.add(8, 8, lines("Sites of each member, over time", "How many sites each replica asks, one upon the other; a dip is what nobody asked. A pod with none for long: it has no Lease.", [(of_pods(own("nbu_exporter_fleet_sites")), "{{instance}}")], stacked=True, why_empty=alone, per_pod=True))
    moves = 'max by (instance, direction) (increase(nbu_exporter_fleet_moves_total{job=~"$job"}[1h]))'
    board.add(8, 8, lines("Sites that moved, in an hour", "Sites that came to a pod or went from it since members came and went. Many without a roll-out: a member that is restarted, or cut off, again and again.", [(moves, "{{instance}} {{direction}}")], why_empty=alone, per_pod=True))


board.row("Is it the network, the server, the key or a permission?")
add_seen()
board.row("Is this quiet because all is well, or because nothing is seen?")
add_collectors()
board.row("What is asked of NetBackup?")
add_requests()
board.row("The exporter itself")
add_configuration()
board.row("Do the replicas that share the sites agree?")
add_fleet()
