"""All sites: which one needs somebody?"""

from asks import (
    CA_DAYS, CATALOG_AGE, DAYS_CA, DAYS_HOST, DAYS_KEY, DRIVES_DOWN, GOOD_SHARE, HEALTH, HOST_DAYS, JOB, KEY_DAYS, MARGIN, OVERVIEW, PROTECTION, REFUSED, RELOADS, ROOTS, RPO, SITE,
    SITES, SLP_BEHIND, STORAGE, TLS_DAYS, WORST_AGE, counted, grown, most, nearly_full, of, overdue,
)  # fmt: skip
from shapes import GREEN_ORANGE, GREEN_RED, UP, Board, Column, link, stat, table

board = Board("overview", OVERVIEW, "NetBackup / Overview", "Which site needs somebody?", [JOB, SITES, RPO, MARGIN], [RELOADS])

UP_BY_SITE = most("site", of("nbu_up"))
OVERDUE = counted(overdue(), of("nbu_policy_expected_interval_seconds"))
NEARLY_FULL = counted(nearly_full(), of("nbu_disk_pool_high_water_mark_ratio"))
# Nothing that waits has no age: the base is what each SLP has.
BEHIND = counted(SLP_BEHIND, of("nbu_slp_incomplete_images"))
DOWN = counted(DRIVES_DOWN, of("nbu_tape_drive_status"))
CLIENTS = most("site, older_than", of("nbu_clients_without_backup"))
AGES = [(None, "green"), (24 * 3600, "orange"), (36 * 3600, "red")]
SHARE = [(None, "red"), (0.9, "orange"), (0.98, "green")]
INTERVALS = [(None, "green"), (2, "orange"), (5, "red")]


def days(warn, red=7):
    return [(None, "red"), (red, "orange"), (warn, "green")]


def clients(older_than):
    return most("site", of("nbu_clients_without_backup", f'older_than="{older_than}"'))


# What is wrong with a site, one for each question: those of which most are wrong come first.
WRONG = " + on (site) ".join(
    f"(({asked}) {limit} or on (site) 0 * {UP_BY_SITE})"
    for asked, limit in (
        (UP_BY_SITE, "< bool 1"), (CATALOG_AGE, "> bool 36 * 3600"), (OVERDUE, "> bool 0"), (clients("2d"), "> bool 0"), (NEARLY_FULL, "> bool 0"), (BEHIND, "> bool 0"), (DOWN, "> bool 0"),
        (KEY_DAYS, f"< bool {DAYS_KEY}"), (TLS_DAYS, f"< bool {DAYS_KEY}"), (HOST_DAYS, f"< bool {DAYS_KEY}"), (counted(REFUSED, of("nbu_scrape_collector_unauthorized")), "> bool 0"),
        (WORST_AGE, "> bool 5"),
    )
)  # fmt: skip


def add_stats():
    board.add(4, 4, stat("Sites down", "Primary servers that do not answer, or whose answers can not be read. Look at Exporter health: it tells network, server, key and permission apart.", [(f"count({UP_BY_SITE} == 0) or 0 * count({UP_BY_SITE})", "")], thresholds=GREEN_RED))
    board.add(4, 4, stat("Oldest catalog backup", "Age of the last good backup of NetBackup's own catalog, at the site where it is oldest. Without it a site can not be rebuilt. Where none is known: how far back was looked. First: the last status of the catalog policy (Protection).", [(f"max({CATALOG_AGE})", "")], unit="s", thresholds=AGES))
    board.add(4, 4, stat("Good backups in 24 h, lowest site", "Share of the backups of the last 24 hours that ended with status 0 or 1, jobs at the top of their family only, at the site where it is lowest. First: the top status codes (Site).", [(f"min({GOOD_SHARE})", "")], unit="percentunit", decimals=1, thresholds=SHARE, none="none ended"))
    board.add(4, 4, stat("Policies overdue", "Active policies whose last good backup is older than their own schedules allow (1.5 intervals and 2 hours). First: the table of Protection, where the latest is on top; paused client, closed window or queue?", [(f"sum({OVERDUE})", "")], thresholds=GREEN_ORANGE))
    board.add(4, 4, stat("Pools near their mark", "Disk pools within 5 % of their high water mark, from which on backups are refused. First: image cleanup, SLP backlog and holds (Storage and tape).", [(f"sum({NEARLY_FULL})", "")], thresholds=GREEN_RED))
    board.add(4, 4, stat("SLPs behind", "Storage lifecycle policies whose oldest image without all of its copies is older than 24 hours. First: Storage and tape says whether this site or the other one is waited for.", [(f"sum({BEHIND})", "")], thresholds=GREEN_ORANGE))
    board.add(8, 4, stat("Clients without a good backup", "Clients of active policies without a good backup for so long, those that never had one included. First: Protection, overdue clients by name.", [(f"sum by (older_than) ({CLIENTS})", "{{older_than}}")], thresholds=GREEN_ORANGE))
    board.add(4, 4, stat("Tape drives down", "Drives that are down, or up on a part of their paths only; not those that somebody disabled. First: the table of drives (Storage and tape).", [(f"sum({DOWN})", "")], thresholds=GREEN_ORANGE, none="tape is not read"))
    board.add(8, 4, stat("Days until the first one ends", "Days until the first API key, TLS certificate, certificate authority and host certificate of all sites end. First: the row of the site below. A host's certificate renews itself 180 days before its end: under 150 days that has failed for a month.", [(f"min({KEY_DAYS})", "API key"), (f"min({TLS_DAYS})", "TLS"), (f"min({CA_DAYS})", "CA"), (f"min({HOST_DAYS})", "host")], unit="none", decimals=0, thresholds=days(DAYS_KEY)))
    board.add(4, 4, stat("Oldest data, in intervals", "The age of what is shown, against how often it is read, of the collector that is furthest behind. About 1 is fresh; from 5 on what you see is no longer true. First: Exporter health.", [(f"max({WORST_AGE})", "")], decimals=1, thresholds=INTERVALS))


def add_sites():
    to_protection, to_storage, to_health = (link(text, uid, site="site") for text, uid in (("Protection", PROTECTION), ("Storage and tape", STORAGE), ("Exporter health", HEALTH)))
    columns = [
        Column("Wrong", WRONG, thresholds=[(None, "green"), (1, "orange"), (4, "red")]),
        Column("Up", UP_BY_SITE, words=UP, link=to_health),
        Column("Catalog backup", CATALOG_AGE, unit="s", thresholds=AGES, link=to_protection),
        Column("Good 24 h", GOOD_SHARE, unit="percentunit", decimals=1, thresholds=SHARE, none="none ended"),
        Column("Backups ended 24 h", grown("site", ROOTS, "1d"), decimals=0),
        Column("Overdue", OVERDUE, thresholds=GREEN_ORANGE, link=to_protection),
        Column("No backup 1 d", clients("1d"), thresholds=GREEN_ORANGE, link=to_protection),
        Column("2 d", clients("2d"), thresholds=GREEN_ORANGE),
        Column("7 d", clients("7d"), thresholds=GREEN_RED),
        Column("Never", clients("never"), thresholds=GREEN_RED),
        Column("Pools", NEARLY_FULL, thresholds=GREEN_RED, link=to_storage),
        Column("SLPs", BEHIND, thresholds=GREEN_ORANGE, link=to_storage),
        Column("Drives", DOWN, thresholds=GREEN_ORANGE, link=to_storage),
        Column("Key, days", KEY_DAYS, decimals=0, thresholds=days(DAYS_KEY)),
        Column("TLS, days", TLS_DAYS, decimals=0, thresholds=days(DAYS_KEY)),
        Column("CA, days", CA_DAYS, decimals=0, thresholds=days(DAYS_CA, DAYS_KEY)),
        Column("Hosts, days", HOST_DAYS, decimals=0, thresholds=days(DAYS_HOST, DAYS_KEY)),
        Column("Refused", counted(REFUSED, of("nbu_scrape_collector_unauthorized")), thresholds=GREEN_ORANGE, link=to_health),
        Column("Data age", WORST_AGE, decimals=1, thresholds=INTERVALS, link=to_health),
    ]
    says = "Each site against each question above; what is red or orange is wrong, a dash was not read. The site with the most wrong questions is on top. A click on the site leads to it, one on a number to the board that names what it counts. Data age is in intervals of the collector that is furthest behind."
    board.add(24, 14, table("Sites", says, [Column("site", link=link("The site", SITE, site="site"), width=130)], columns, sort="Wrong", descending=True))


def add_alerts():
    firing = 'count by (alertname, severity, site) (ALERTS{alertname=~"Nbu.*",alertstate="firing",site=~"$site|"})'
    says = "The alerts of the exporter's rules that fire now, and for how many objects. Empty on a good day, and where no rules are loaded. First: the alert's runbook."
    board.add(24, 8, table("Alerts firing", says, [Column("alertname"), Column("severity"), Column("site", link=link("The site", SITE, site="site"))], [Column("Objects", firing)], sort="severity", why_empty="nothing fires, or no rules are loaded"))


add_stats()
board.row("Site by site")
add_sites()
add_alerts()
