"""PromQL that several panels share. Two pods of one site give what one gives: gauges by `max by` or `min by`, counters by
`max without (instance, pod)` before they are added up."""

from shapes import Constant, Variable

# The thresholds of all boards; those of the alerts are values of the chart.
RPO_HOURS = 24
DAYS_KEY = 30
DAYS_CA = 180
# Below this a host's certificate has not been renewed for a month: that begins 180 days before its end.
DAYS_HOST = 150
# How far below its high water mark a pool is said to be nearly full.
POOL_MARGIN = 0.05

OVERVIEW, SITE, PROTECTION, STORAGE, HEALTH = (f"nbu-exporter-{name}" for name in ("overview", "site", "protection", "storage", "health"))

RPO = Constant("rpo_hours", RPO_HOURS)
MARGIN = Constant("pool_margin", POOL_MARGIN)
JOB = Variable("job", "Job", "label_values(nbu_up, job)")
SITES = Variable("site", "Site", 'label_values(nbu_up{job=~"$job"}, site)')
ONE_SITE = Variable("site", "Site", 'label_values(nbu_up{job=~"$job"}, site)', several=False)

RELOADS = {
    "name": "Configuration applied", "titleFormat": "Configuration applied",
    "expr": 'max by (job) (changes(nbu_exporter_config_last_reload_success_timestamp_seconds{job=~"$job"}[2m])) > 0',
}  # fmt: skip


def of(family, *matchers):
    """The family's series of the chosen sites."""
    matchers = ",".join(('job=~"$job"', 'site=~"$site"', *matchers))
    return f"{family}{{{matchers}}}"


def chosen(*names):
    """Matchers of names by the variables called so. NetBackup's names have quotes and backslashes in them: a raw string takes them."""
    return [f"{name}=~`${{{name}:regex}}`" for name in names]


def most(labels, selector):
    return f"max by ({labels}) ({selector})"


def least(labels, selector):
    return f"min by ({labels}) ({selector})"


def total(labels, selector):
    """The sum of a gauge over the labels that are not named."""
    return f"sum by ({labels}) (max without (instance, pod) ({selector}))"


def grown(labels, selector, window):
    return f"sum by ({labels}) (max without (instance, pod) (increase({selector}[{window}])))"


def rate(labels, selector, window="$__rate_interval"):
    return f"sum by ({labels}) (max without (instance, pod) (rate({selector}[{window}])))"


def age(stamp):
    return f"time() - {stamp}"


def counted(condition, base):
    """How many there are in each site, and 0 where the base was read and none is."""
    return f"count by (site) ({condition}) or on (site) 0 * count by (site) ({base})"


def highest(expression, count=6):
    """The worst of many sites: more tiles than these can not be read, and more bars than 12."""
    return f"topk({count}, {expression})"


def lowest(expression, count=6):
    """The same where less is worse."""
    return f"bottomk({count}, {expression})"


def or_none(expression, base, label, text="none"):
    """One row or bar that says "none" for each site where the base was read and nothing is to be shown."""
    return f'({expression}) or on (site) label_replace(0 * max by (site) ({base}), "{label}", "{text}", "", "")'


def with_name(expression, label, text):
    """A series without a value of the label gets this one: a legend would be empty."""
    return f'label_replace({expression}, "{label}", "{text}", "{label}", "")'


# --- What several boards ask -----------------------------------------------------------------------------------------

JOBS_READ = of("nbu_jobs_window_seconds")


def last_good(*names):
    return most("site, policy", of("nbu_policy_last_backup_timestamp_seconds", 'result=~"success|partial"', *names))


def expected(*names):
    return most("site, policy", of("nbu_policy_expected_interval_seconds", *names))


def active(*names):
    return most("site, policy", of("nbu_policy_active", *names))


def overdue(*names):
    """Policies by how long ago their last good backup is, where that is more than one and a half of their own interval and 2 hours."""
    return f"{age(last_good(*names))} > on (site, policy) (1.5 * {expected(*names)} + 7200) and on (site, policy) {active(*names)} == 1"


# Before all is read back nothing is known never to have been backed up.
ALL_READ_BACK = f"{most('site', of('nbu_backup_history_read_ratio'))} == 1"


def known(*names):
    """What is asked for never, where it can be answered."""
    return f"{of('nbu_policy_expected_interval_seconds', *names)} and on (site) {ALL_READ_BACK}"


def never(*names):
    """Active policies with a schedule without a good backup, by how far back was looked."""
    looked = f"(time() - {most('site', of('nbu_backup_history_start_timestamp_seconds'))})"
    return f"0 * ({active(*names)} == 1 and on (site, policy) ({known(*names)}) unless on (site, policy) {last_good(*names)}) + on (site) group_left () {looked}"


LAST_CATALOG = most("site", of("nbu_catalog_backup_last_timestamp_seconds", 'result="success"'))
CATALOG_AGE = (
    f"(time() - {LAST_CATALOG})"
    f" or on (site) (time() - {most('site', of('nbu_backup_history_start_timestamp_seconds'))})"
)

ROOTS = of("nbu_jobs_finished_total", 'job_type="BACKUP"', 'level="root"')
GOOD_ROOTS = of("nbu_jobs_finished_total", 'job_type="BACKUP"', 'level="root"', 'result=~"success|partial"')
GOOD_SHARE = f"({grown('site', GOOD_ROOTS, '1d')} or 0 * {grown('site', ROOTS, '1d')}) / ({grown('site', ROOTS, '1d')} > 0)"


def used(*names):
    """The used share of each pool that has a size: cloud has none."""
    return f"{most('site, disk_pool', of('nbu_disk_pool_used_bytes', *names))} / ({most('site, disk_pool', of('nbu_disk_pool_usable_bytes', *names))} > 0)"


def mark(*names):
    return most("site, disk_pool", of("nbu_disk_pool_high_water_mark_ratio", *names))


def nearly_full():
    return f"{used()} > on (site, disk_pool) ({mark()} - $pool_margin)"


def slp_age(*names):
    return age(least("site, slp", of("nbu_slp_oldest_incomplete_backup_timestamp_seconds", *names)))


SLP_BEHIND = f"{slp_age()} > $rpo_hours * 3600"
# DISABLED is somebody's wish.
DRIVES_DOWN = most("site, drive", of("nbu_tape_drive_status", 'status=~"DOWN|MIXED"')) + " == 1"


def days_until(stamp):
    return f"({least('site', of(stamp))} - time()) / 86400"


KEY_DAYS = days_until("nbu_api_credential_expiry_timestamp_seconds")
TLS_DAYS = days_until("nbu_tls_certificate_expiry_timestamp_seconds")
CA_DAYS = days_until("nbu_ca_certificate_expiry_timestamp_seconds")
HOST_DAYS = days_until("nbu_host_certificate_expiry_timestamp_seconds")

AGE_IN_INTERVALS = (
    f"(time() - {most('site, collector', of('nbu_scrape_collector_last_success_timestamp_seconds'))})"
    f" / on (site, collector) {most('site, collector', of('nbu_scrape_collector_interval_seconds'))}"
)
# Those that have never succeeded have no age: a refused one is told by another family.
WORST_AGE = f"max by (site) ({AGE_IN_INTERVALS})"
REFUSED = f"{most('site, collector', of('nbu_scrape_collector_unauthorized'))} == 1"
