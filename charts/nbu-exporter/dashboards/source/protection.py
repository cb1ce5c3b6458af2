"""What is protected, and what is not: policies by their own schedules, clients, NetBackup's catalog, what was found in images."""

from asks import (
    CATALOG_AGE, JOB, PROTECTION, RELOADS, RPO, RPO_HOURS, SITE, SITES, STORAGE, age, chosen, counted, expected, grown, highest, known, last_good, most, never, of, or_none, overdue, total,
)  # fmt: skip
from shapes import GREEN_ORANGE, GREEN_RED, Board, Column, Variable, bars, lines, link, stat, table, timeline

POLICY = Variable("policy", "Policy", 'label_values(nbu_policy_active{job=~"$job",site=~"$site"}, policy)')
CLIENT = Variable("client", "Client", 'label_values(nbu_client_last_backup_timestamp_seconds{job=~"$job",site=~"$site"}, client)')

board = Board("protection", PROTECTION, "NetBackup / Protection", "What is not protected as it should be?", [JOB, SITES, POLICY, CLIENT, RPO], [RELOADS])

BY_POLICY = chosen("policy")
DAY = 86400
AGES = [(None, "green"), (RPO_HOURS * 3600, "orange"), (2 * RPO_HOURS * 3600, "red")]
RESULTS = {"success": ("success", "green"), "partial": ("partial", "yellow"), "failed": ("failed", "red")}
PER_CLIENT_IS_OFF = "the collector perClient is off by default"
PER_CLIENT = of("nbu_scrape_collector_last_success_timestamp_seconds", 'collector="per_client"')


def last(labels="site, policy, result", family="nbu_policy_last_backup_timestamp_seconds", *matchers):
    """The newest of the results; which one it was is a label."""
    return f"topk by ({labels.removesuffix(', result')}) (1, {most(labels, of(family, *matchers))})"


def in_band(above, below=None):
    """How many policies have a good backup of this age."""
    found = f"({age(last_good(*BY_POLICY))}) > {above}"
    return f"({found}) <= {below}" if below else found


def add_stats():
    failing = f"{most('site, policy', of('nbu_policy_consecutive_failures'))} >= 3"
    board.add(4, 4, stat("Policies that are overdue", "Active policies whose last good backup is older than their own schedules allow (1.5 intervals and 2 hours). First: the table below, the latest on top.", [(highest(counted(overdue(), of("nbu_policy_expected_interval_seconds"))), "{{site}}")], thresholds=GREEN_ORANGE))
    board.add(4, 4, stat("Policies that fail again and again", "Policies whose last three backups or more failed. First: the same status each time is the client, a different one the storage.", [(highest(counted(failing, of("nbu_policy_consecutive_failures"))), "{{site}}")], thresholds=GREEN_ORANGE))
    board.add(4, 4, stat("Policies never backed up", "Active policies with a schedule of which no good backup is known. Said once all is read back after a start. First: how far back was looked, in the table of them.", [(highest(counted(never(), known())), "{{site}}")], thresholds=GREEN_ORANGE, none="still read back"))
    board.add(4, 4, stat("Clients without a good backup in 24 h", "Clients of active policies, those without any backup included. First: the overdue clients by name; a client that is paused looks like this too.", [(highest(most("site", of("nbu_clients_without_backup", 'older_than="1d"'))), "{{site}}")], thresholds=GREEN_ORANGE))
    board.add(4, 4, stat("Clients paused by NetBackup", "Clients whose backups NetBackup itself has paused, after it found malware or an anomaly. First: Paused clients in the web UI.", [(highest(most("site", of("nbu_paused_clients", 'trigger="AUTOMATIC"'))), "{{site}}")], thresholds=GREEN_ORANGE))
    board.add(4, 4, stat("Age of the catalog backup", "Age of the last good backup of NetBackup's own catalog; where none is known, how far back was looked.", [(highest(CATALOG_AGE), "{{site}}")], unit="s", thresholds=[(None, "green"), (DAY, "orange"), (1.5 * DAY, "red")]))


def add_policies():
    good = last_good(*BY_POLICY)
    columns = [
        Column("Last good", age(good), unit="s", width=110),
        Column("Due in", f"{expected(*BY_POLICY)} - on (site, policy) ({age(good)})", unit="s", thresholds=[(None, "red"), (-7200, "orange"), (0, "green")], width=110),
        Column("Every", expected(*BY_POLICY), unit="s", width=90),
        Column("Result", last("site, policy, result", "nbu_policy_last_backup_timestamp_seconds", *BY_POLICY), labels={"result": "Last result"}, words=RESULTS, width=100),
        Column("Failed in a row", most("site, policy", of("nbu_policy_consecutive_failures", *BY_POLICY)), thresholds=[(None, "green"), (1, "yellow"), (3, "red")], width=110),
        Column("Size", most("site, policy", of("nbu_policy_last_backup_bytes", *BY_POLICY)), unit="bytes", width=100),
        Column("Took", most("site, policy", of("nbu_policy_last_backup_duration_seconds", *BY_POLICY)), unit="s", width=100),
        Column("Active", most("site, policy", of("nbu_policy_active", *BY_POLICY)), words={0: ("no", "text"), 1: ("yes", "text")}, colored=False, width=70),
        Column("What", most("site, policy, policy_type, storage, managed", of("nbu_policy_info", *BY_POLICY)), labels={"policy_type": "Type", "storage": "Storage", "managed": "Managed"}),
    ]
    says = "Each policy by its own schedules: how old its last good backup is, when the next one is due (below 0: late), and what came of the last ones. The latest is on top. First: the last result; failed: its status codes on the board of the site; none at all: paused client, closed window, queue."
    keys = [Column("site", width=90, link=link("The site", SITE, site="site")), Column("policy", link=link("This policy alone", PROTECTION, site="site", policy="policy"))]
    board.add(24, 13, table("Policies", says, keys, columns, sort="Due in"))


def add_ages():
    bands = [("up to a day", 0, DAY), ("1 to 2 days", DAY, 2 * DAY), ("2 to 7 days", 2 * DAY, 7 * DAY), ("7 to 31 days", 7 * DAY, 31 * DAY), ("older", 31 * DAY, None)]
    asks = [(counted(in_band(above, below), of("nbu_policy_active", *BY_POLICY)), f"{{{{site}}}} {name}") for name, above, below in bands]
    board.add(8, 10, bars("Policies by age of their last good backup", "How many policies have a last good backup of this age, whatever their schedules are. Many in the older bands: are these weekly and monthly ones?", asks, thresholds=[(None, "blue")]))
    failed = most("site, policy", of("nbu_policy_consecutive_failures", *BY_POLICY))
    bad = f"{failed} and on (site, policy) max by (site, policy) (max_over_time({of('nbu_policy_consecutive_failures', *BY_POLICY)}[$__range])) > 0"
    words = {0: ("good", "green"), 1: ("failed once", "yellow"), 2: ("failed twice", "orange")}
    board.add(16, 10, timeline("Policies that failed, over time", "Each policy that failed in the time shown: green is good, yellow failed once, orange twice, red three times and more in a row.", [(or_none(bad, of("nbu_policy_active"), "policy"), "{{site}} {{policy}}")], words=words, thresholds=[(None, "green"), (1, "yellow"), (2, "orange"), (3, "red")]))


def add_clients():
    by_client = chosen("client")
    good = most("site, client", of("nbu_client_last_backup_timestamp_seconds", 'result=~"success|partial"', *by_client))
    late = or_none(f"({age(good)}) > $rpo_hours * 3600", PER_CLIENT, "client")
    failures = f"{most('site, client', of('nbu_client_consecutive_failures', *by_client))} > 0"
    keys = [Column("site", width=90), Column("client", link=link("This client alone", PROTECTION, site="site", client="client"))]
    says = f"Clients whose last good backup is older than {RPO_HOURS} hours, and those that failed since. An empty age beside failures: none that is good is known. First: does the client answer (bptestbpcd), and is it paused? Names are given with collectors.perClient."
    columns = [Column("Last good", late, unit="s", thresholds=AGES, width=120), Column("Failed in a row", failures, thresholds=[(None, "green"), (1, "yellow"), (3, "red")], width=120)]
    board.add(12, 10, table("Overdue clients", says, keys, columns, sort="Last good", descending=True, why_empty=PER_CLIENT_IS_OFF))
    keys = [Column("site", width=90), Column("policy", link=link("This policy alone", PROTECTION, site="site", policy="policy"))]
    unknown = or_none(never(*BY_POLICY), known(), "policy")
    board.add(12, 10, table("Policies that never had a good backup", "Active policies with a schedule of which no good backup is known, and how far back was looked. Said once all is read back after a start. First: has it clients, and an open window?", keys, [Column("Looked back", unknown, unit="s", width=120)], sort="Looked back", descending=True))


def add_catalog():
    family = "nbu_catalog_backup_last_timestamp_seconds"
    columns = [
        Column("Last good", age(most("site, policy", of(family, 'result="success"'))), unit="s", thresholds=[(None, "green"), (DAY, "orange"), (1.5 * DAY, "red")]),
        Column("Result", last("site, policy, result", family), labels={"result": "Last result"}, words=RESULTS),
        Column("Status", most("site, policy", of("nbu_catalog_backup_last_status")), thresholds=[(None, "green"), (1, "yellow"), (2, "red")]),
        Column("Size", most("site, policy", of("nbu_catalog_backup_last_bytes")), unit="bytes"),
        Column("Took", most("site, policy", of("nbu_catalog_backup_last_duration_seconds")), unit="s"),
    ]
    board.add(12, 8, table("Catalog backups", "The backups of NetBackup's own catalog, without which a site can not be rebuilt. First: the status, then whether its disk has room and its mail with the recovery information arrives.", [Column("site"), Column("policy")], columns, sort=[("Status", True), ("Last good", True)]))
    phases = [("Backup", "BACKUP"), ("Duplicate", "DUPLICATE"), ("Replicate", "REPLICATE"), ("Import", "REPLICA_IMPORT")]
    family = "nbu_client_last_phase_success_timestamp_seconds"
    columns = [Column(title, age(most("site, client, policy", of(family, f'job_type="{kind}"', *chosen("policy", "client")))), unit="s", thresholds=AGES) for title, kind in phases]
    says = "How long ago each phase of what a client's policy does was last good: backup, copy, replication, and the import at the other site, which that site shows. A phase that lags behind the one before it: Storage and tape, SLPs."
    keys = [Column("site", link=link("Storage and tape", STORAGE, site="site")), Column("client"), Column("policy")]
    board.add(12, 8, table("Phases of the lifecycle", says, keys, columns, sort="Backup", descending=True, why_empty=PER_CLIENT_IS_OFF))


def add_threats():
    board.add(4, 7, stat("Images with malware", "Images whose latest scan found malware. First: do not restore from these; Malware detection in the web UI names them.", [(highest(most("site", of("nbu_malware_scans", 'result="IMPACTED"'))), "{{site}}")], thresholds=GREEN_RED, none="malware is not read"))
    board.add(4, 7, stat("Clients with malware", "Clients that have an image in which malware was found. First: isolate them, then look for the last clean image.", [(highest(most("site", of("nbu_malware_impacted_clients"))), "{{site}}")], thresholds=GREEN_RED, none="malware is not read"))
    board.add(4, 7, bars("Clients that are paused", "Clients whose backups are paused: by NetBackup itself (AUTOMATIC) or by somebody (MANUAL). Each of them looks like one that missed its backup.", [(highest(most("site, trigger", of("nbu_paused_clients")), 12), "{{site}} {{trigger}}")], thresholds=GREEN_ORANGE))
    unreviewed = total("site, severity", of("nbu_anomalies", 'status=~"ANOMALY|NOT_REVIEWED"'))
    board.add(6, 7, bars("Anomalies that nobody has judged", "Anomalies of the last 30 days that were not reviewed or are said to be real, by severity. First: Anomaly detection in the web UI; many of one client are a sign of encryption.", [(highest(unreviewed, 12), "{{site}} {{severity}}")], thresholds=GREEN_ORANGE, none="anomalies are not read"))
    images = total("site, malware_status", of("nbu_catalog_window_images", 'malware_status!="CLEAN"'))
    board.add(6, 7, bars("Images of 24 h, not scanned or not clean", "Images of the last 24 hours by what the scan of malware says, without the clean ones. First: are scan hosts active?", [(highest(images, 12), "{{site}} {{malware_status}}")], thresholds=[(None, "blue")], none="the catalog is not read", why_empty="the collector catalog is off by default"))
    jobs = grown("site, result", of("nbu_policy_jobs_total", *BY_POLICY), "1h")
    board.add(12, 8, lines("Backups that ended in an hour", "Backups of the chosen policies that ended in the hour before, by result, each run once however many clients it has.", [(jobs, "{{site}} {{result}}")], stacked=True))
    moved = grown("site", of("nbu_policy_transferred_bytes_total", *BY_POLICY), "1h")
    board.add(12, 8, lines("Bytes backed up in an hour", "Data of the chosen policies' backups that ended in the hour before. Much more than on other days: was something encrypted, or does a full backup run on the wrong day?", [(moved, "{{site}}")], unit="bytes"))


add_stats()
board.row("Which policy is late by its own schedule?")
add_policies()
add_ages()
board.row("Which clients had no good backup?")
add_clients()
board.row("Can the site be rebuilt, and do copies follow?")
add_catalog()
board.row("Did ransomware hit?")
add_threats()
