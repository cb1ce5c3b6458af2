"""One site: what runs, what waits and why, what ended how."""

from asks import (
    JOB, JOBS_READ, ONE_SITE, RELOADS, SITE, age, grown, least, most, of, or_none, rate, total, with_name,
)  # fmt: skip
from shapes import BAD, GREEN_ORANGE, UP, Board, Column, bars, lines, stat, table

board = Board("site", SITE, "NetBackup / Site", "What runs, what waits and why, and what ended how?", [JOB, ONE_SITE], [RELOADS])

RUNNING_LONG = [(None, "green"), (12 * 3600, "orange"), (24 * 3600, "red")]
WAITING_LONG = [(None, "green"), (3600, "orange"), (4 * 3600, "red")]


def queued(label):
    return or_none(total(f"site, {label}", of("nbu_jobs_queued")) + " > 0", JOBS_READ, label)


def quantile(share):
    buckets = of("nbu_job_elapsed_seconds_bucket", 'job_type="BACKUP"')
    return f"histogram_quantile({share}, {rate('site, le', buckets, '1h')})"


def add_state():
    board.add(3, 4, stat("Answers", "Whether the primary server answers and at least one collector reads it. First: Exporter health.", [(most("site", of("nbu_up")), "")], words=UP))
    board.add(5, 4, stat("Release", "The primary server's name and release.", [(most("site, server, release", of("nbu_server_info")), "{{server}} {{release}}")], names="name"))
    board.add(3, 4, stat("API version", "The version of the API that is spoken.", [(most("site, version", of("nbu_api_version")), "{{version}}")], names="name"))
    board.add(3, 4, stat("Clock ahead", "How far the server's clock is ahead of the exporter's. Beyond 2 minutes ages are wrong. First: NTP on both.", [(most("site", of("nbu_server_clock_offset_seconds")), "")], unit="s", decimals=0, thresholds=[(None, "red"), (-120, "green"), (120, "red")]))
    board.add(3, 4, stat("Running", "Jobs that are active.", [(total("site", of("nbu_jobs_active")), "")], none="0"))
    board.add(3, 4, stat("Waiting", "Jobs that are queued. First: reason and resource below.", [(f"{total('site', of('nbu_jobs_queued'))} or 0 * {most('site', JOBS_READ)}", "")]))
    board.add(4, 4, stat("Freeze mode", "Whether the primary server is in freeze mode: nothing is expired and nothing changed. NetBackup 11.2 and later say it. First: who switched it on, and why?", [(most("site", of("nbu_server_freeze_mode")), "")], words=BAD, none="not said"))


def add_jobs():
    board.add(8, 8, lines("Jobs that are not done, by state", "All jobs that are not done. Waiting ones that grow while running ones stay: something is out of streams or space.", [(total("site, state", of("nbu_jobs_unfinished")), "{{state}}")], stacked=True))
    board.add(8, 8, lines("Running, by type", "Active jobs. A copy or an image cleanup that never ends holds a stream.", [(total("site, job_type", of("nbu_jobs_active")), "{{job_type}}")], stacked=True))
    board.add(8, 8, lines("Waiting, by type", "Queued jobs.", [(queued("job_type"), "{{job_type}}")], stacked=True))


def add_waiting():
    oldest = or_none(age(least("site, job_type", of("nbu_jobs_oldest_active_start_timestamp_seconds"))), JOBS_READ, "job_type")
    board.add(6, 8, bars("Longest running, by type", "Since when the oldest active job of each type runs. A backup of more than a day hangs, or holds a drive. First: the Activity monitor, sorted by elapsed time.", [(oldest, "{{job_type}}")], unit="s", thresholds=RUNNING_LONG))
    oldest = or_none(age(least("site, job_type", of("nbu_jobs_oldest_queued_start_timestamp_seconds"))), JOBS_READ, "job_type")
    board.add(6, 8, bars("Longest waiting, by type", "Since when the oldest queued job of each type waits. First: its reason, beside this.", [(oldest, "{{job_type}}")], unit="s", thresholds=WAITING_LONG))
    board.add(6, 8, bars("Jobs that wait, by reason", "Why queued jobs wait, in NetBackup's own word. First: what they wait for, beside this.", [(queued("reason"), "{{reason}}")], thresholds=GREEN_ORANGE))
    resource = or_none(f"{most('site, queue_resource', of('nbu_jobs_queued_by_resource'))} > 0", JOBS_READ, "queue_resource")
    board.add(6, 8, bars("Jobs that wait, by resource", "What queued jobs wait for: a storage unit, a drive, a client's limit. One name that has nearly all of them is the cause.", [(resource, "{{queue_resource}}")], thresholds=GREEN_ORANGE))


def add_throughput():
    board.add(12, 8, lines("Throughput now, by type", "What active jobs move now. Much running and nothing moved: a network or a disk is stuck.", [(most("site, job_type", of("nbu_jobs_active_transfer_bytes_per_second")), "{{job_type}}")], unit="Bps", stacked=True))
    board.add(12, 8, lines("Bytes moved in an hour, by policy type", "Data of the jobs that ended in the hour before; a long job counts when it ends.", [(with_name(grown("site, policy_type", of("nbu_jobs_transferred_bytes_total"), "1h"), "policy_type", "no policy"), "{{policy_type}}")], unit="bytes", stacked=True))


def add_results():
    roots = of("nbu_jobs_finished_total", 'level="root"')
    board.add(12, 8, lines("Jobs that ended in an hour", "Jobs at the top of their family that ended in the hour before, by result: a policy of 100 virtual machines counts once. Failed ones at every hour: look at the status codes.", [(grown("site, result", roots, "1h"), "{{result}}")], stacked=True))
    failed = of("nbu_jobs_failed_total", 'level="root"')
    codes = or_none(f"topk by (site) (15, round({grown('site, status', failed, '1d')}) > 0)", of("nbu_jobs_window_seconds"), "status")
    board.add(6, 8, table("Status codes in 24 h", "The codes of most failed jobs of the last 24 hours, at the top of their family. One code above all: look it up in NetBackup's status code reference, then at the policy types.", [Column("status")], [Column("Jobs", codes, thresholds=GREEN_ORANGE)], sort="Jobs", descending=True))
    by_type = with_name(grown("site, policy_type", of("nbu_jobs_finished_total", 'level="root"', 'result="failed"'), "1d"), "policy_type", "no policy")
    board.add(6, 8, bars("Failures in 24 h, by policy type", "Failed jobs of the last 24 hours, at the top of their family. One type alone: its agent, a credential or a host. All types: storage or network.", [(by_type, "{{policy_type}}")], decimals=0, thresholds=GREEN_ORANGE))
    board.add(24, 7, lines("Duration of backups", "How long the backups take that ended in the hour before: one half is faster than p50, 5 % are slower than p95. p95 that grows alone: single clients; both: storage or network.", [(quantile(0.5), "p50"), (quantile(0.95), "p95")], unit="s"))


def add_server():
    stopped = or_none(f"{most('site, host, daemon', of('nbu_service_up'))} == 0", of("nbu_service_up"), "daemon")
    board.add(6, 7, table("Services that do not run", "Daemons that are stopped, not those that are disabled. Which hosts are asked is said by services.hosts. First: start it on that host (bpup, or netbackup start).", [Column("host"), Column("daemon")], [Column("Up", stopped, words=UP, colored=True)], why_empty="services are off by default; else it says none"))
    notices = total("site, severity", of("nbu_alerts_window_alerts"))
    board.add(6, 7, bars("Notices of 24 h, by severity", "The alerts that NetBackup itself created in the last 24 hours. First: its Activity monitor and mails.", [(notices, "{{severity}}")], why_empty="the collector alerts is off by default"))
    events = grown("site, severity", of("nbu_notifications_created_total"), "1d")
    board.add(6, 7, bars("Notifications of 24 h, by severity", "What the event log got in the last 24 hours. First: Notifications in the web UI.", [(events, "{{severity}}")], decimals=0, why_empty="the collector notifications is off by default"))
    licence = f"({least('site, product, license_type, meter', of('nbu_license_expiry_timestamp_seconds'))} - time()) / 86400"
    board.add(6, 7, table("Days until licences end", "When the first active entitlement of a product ends.", [Column("product"), Column("license_type"), Column("meter")], [Column("Days", licence, decimals=0, thresholds=[(None, "red"), (14, "orange"), (60, "green")])], sort="Days", why_empty="the collector licensing is off by default"))
    host = f"({least('site, host', of('nbu_host_certificate_expiry_timestamp_seconds'))} - time()) / 86400"
    board.add(8, 7, table("Days until certificates of hosts end", "A host's certificate lives a year and renews itself 180 days before its end: under 150 days that has failed for a month. First: nbcertcmd -renewCertificate on that host.", [Column("host")], [Column("Days", host, decimals=0, thresholds=[(None, "red"), (30, "orange"), (150, "green")])], sort="Days"))
    authority = f"({least('site, subject', of('nbu_ca_certificate_expiry_timestamp_seconds'))} - time()) / 86400"
    board.add(8, 7, table("Days until authorities end", "When the certificate of an active NetBackup certificate authority ends. First: plan its migration, which takes weeks.", [Column("subject")], [Column("Days", authority, decimals=0, thresholds=[(None, "red"), (30, "orange"), (180, "green")])]))
    board.add(4, 7, stat("Risk score", "The risk score of the security settings, from 0 to 100. First: the security configuration risk page of the web UI, which names what to set.", [(most("site", of("nbu_security_risk_score")), "")], decimals=0, thresholds=[(None, "blue")], why_empty="the collector posture is off by default"))
    board.add(4, 7, stat("Approvals that wait", "Tickets of multi-person approval that nobody has answered. First: whoever may approve.", [(most("site", of("nbu_mpa_tickets", 'state="PENDING"')), "")], thresholds=GREEN_ORANGE, why_empty="the collector posture is off by default"))


board.row("Now")
add_state()
add_jobs()
board.row("Why does it wait, and which job hangs?")
add_waiting()
board.row("What was moved, and what came of it?")
add_throughput()
add_results()
board.row("The server")
add_server()
