"""Storage and tape: where is it full, what does not follow, what is broken?"""

from asks import (
    DRIVES_DOWN, JOB, MARGIN, RELOADS, RPO, RPO_HOURS, SITE, SITES, SLP_BEHIND, STORAGE, chosen, counted, highest, least, lowest, mark, most, nearly_full, of, or_none, slp_age, total, used,
)  # fmt: skip
from shapes import GREEN_ORANGE, GREEN_RED, UP, Board, Column, Variable, bars, lines, link, stat, table

POOL = Variable("disk_pool", "Disk pool", 'label_values(nbu_disk_pool_up{job=~"$job",site=~"$site"}, disk_pool)')
SLP = Variable("slp", "SLP", 'label_values(nbu_slp_active{job=~"$job",site=~"$site"}, slp)')

board = Board("storage", STORAGE, "NetBackup / Storage and tape", "Where is it full, what does not follow, and what is broken?", [JOB, SITES, POOL, SLP, RPO, MARGIN], [RELOADS])

BY_POOL, BY_SLP = chosen("disk_pool"), chosen("slp")
TAPE_IS_OFF = "the collector tape is off by default"
# Of the mark, not of the size: 0.95 is about 5 % below a mark of 98 %.
FILL = [(None, "green"), (0.95, "orange"), (0.98, "red")]
TO_SITE = link("The site", SITE, site="site")
TO_POOL = link("This pool alone", STORAGE, site="site", disk_pool="disk_pool")
TO_SLP = link("This SLP alone", STORAGE, site="site", slp="slp")


SCRATCH = total("site", of("nbu_tape_scratch_media"))
FROZEN = total("site", of("nbu_tape_media", 'status=~"FROZEN|SUSPENDED"'))


def add_stats():
    pools_down = f"{least('site, disk_pool', of('nbu_disk_pool_up'))} == 0"
    board.add(4, 4, stat("Pools near their mark", "Disk pools within 5 % of their high water mark, from which on backups are refused. First: image cleanup, SLP backlog, holds.", [(highest(counted(nearly_full(), of("nbu_disk_pool_high_water_mark_ratio"))), "{{site}}")], thresholds=GREEN_RED))
    board.add(4, 4, stat("Pools down", "Disk pools that take no backups. First: the disk service of the storage server (nbdevquery -listdp).", [(highest(counted(pools_down, of("nbu_disk_pool_up"))), "{{site}}")], thresholds=GREEN_RED))
    board.add(4, 4, stat("SLPs behind", f"Storage lifecycle policies whose oldest image without all of its copies is older than {RPO_HOURS} hours. First: the table of SLPs says whose turn it is.", [(highest(counted(SLP_BEHIND, of("nbu_slp_incomplete_images"))), "{{site}}")], thresholds=GREEN_ORANGE))
    board.add(4, 4, stat("Drives down", "Tape drives that are down, or up on a part of their paths; not those that somebody disabled. First: the table of drives.", [(highest(counted(DRIVES_DOWN, of("nbu_tape_drive_status"))), "{{site}}")], thresholds=GREEN_ORANGE, none="tape is not read"))
    board.add(4, 4, stat("Scratch tapes", "Tapes that any pool may take, neither frozen nor suspended. At 0 the next tape backup waits. First: return or relabel tapes.", [(lowest(SCRATCH), "{{site}}")], thresholds=[(None, "red"), (1, "orange"), (5, "green")], none="none is read"))
    board.add(4, 4, stat("Frozen or suspended tapes", "Tapes that nothing is written to any more. First: bpmedialist tells since when; a drive that freezes several is the cause.", [(highest(FROZEN), "{{site}}")], thresholds=GREEN_ORANGE, none="tape is not read"))


def add_pools():
    fill = f"({used(*BY_POOL)}) / on (site, disk_pool) {mark(*BY_POOL)}"
    board.add(10, 10, bars("Pools against their mark", "How full each disk pool is; 100 % is its high water mark, from which on backups are refused. Cloud has no size and is not shown.", [(highest(fill, 12), "{{site}} {{disk_pool}}")], unit="percentunit", decimals=0, most=1, thresholds=FILL))
    growth = f"max by (site, disk_pool) (deriv({of('nbu_disk_pool_used_bytes', *BY_POOL)}[3d]))"
    size = most("site, disk_pool", of("nbu_disk_pool_usable_bytes", *BY_POOL))
    have = most("site, disk_pool", of("nbu_disk_pool_used_bytes", *BY_POOL))
    room = f"{mark(*BY_POOL)} * {size} - {have}"
    # A pool that does not grow is said to have a year.
    until = f"(clamp(({room}) / on (site, disk_pool) ({growth} > 0) / 86400, 0, 365) or on (site, disk_pool) 365 + 0 * {have}) * on (site, disk_pool) ({room} > bool 0)"
    ahead = f"max by (site, disk_pool) (predict_linear({of('nbu_disk_pool_used_bytes', *BY_POOL)}[3d], 7 * 86400)) / on (site, disk_pool) ({size} > 0)"
    columns = [
        Column("Days", until, decimals=1, thresholds=[(None, "red"), (7, "orange"), (30, "green")], width=80),
        Column("In 7 days", ahead, unit="percentunit", decimals=0, width=90),
        Column("Now", used(*BY_POOL), unit="percentunit", decimals=1, width=80),
        Column("Mark", f"{mark(*BY_POOL)} and on (site, disk_pool) {size}", unit="percentunit", decimals=0, width=80),
        Column("Left", room, unit="bytes", width=100),
    ]
    says = "When each disk pool reaches its high water mark if it grows as in the last 3 days; 0 is at its mark, 365 a year and more, or no growth. With less than 2 days of history that is a guess. First: what grew (SLP backlog, images that do not expire)?"
    board.add(14, 10, table("Days until the mark", says, [Column("site", width=90, link=TO_SITE), Column("disk_pool", link=TO_POOL)], columns, sort="Days"))
    board.add(12, 8, lines("Pools over time", "The used share of each disk pool. A saw tooth is the cleanup at work; a line that only rises ends at the mark.", [(used(*BY_POOL), "{{site}} {{disk_pool}}")], unit="percentunit", most=1))
    down = most("site, disk_pool, state", of("nbu_disk_pool_volumes", 'state!="UP"', *BY_POOL)) + " > 0"
    board.add(6, 8, table("Volumes that are not up", "Volumes of disk pools that are down, or of which nothing is known. First: the disk behind it, then nbdevconfig -changestate.", [Column("site", link=TO_SITE), Column("disk_pool"), Column("state")], [Column("Volumes", or_none(down, of("nbu_disk_pool_volumes"), "disk_pool"), thresholds=GREEN_ORANGE)], sort="Volumes", descending=True))
    unit = most("site, storage_unit", of("nbu_storage_unit_used_bytes")) + " / (" + most("site, storage_unit", of("nbu_storage_unit_capacity_bytes")) + " > 0)"
    columns = [Column("Used", unit, unit="percentunit", decimals=0, width=70), Column("Jobs at most", most("site, storage_unit", of("nbu_storage_unit_max_concurrent_jobs")), width=110)]
    board.add(6, 8, table("Storage units", "How full each storage unit is, and how many jobs it takes at a time. Cloud and tape have no size.", [Column("site", link=TO_SITE, width=80), Column("storage_unit")], columns, sort="Used", descending=True))


def add_servers():
    columns = [
        Column("Up", least("site, storage_server", of("nbu_storage_server_up")), words=UP, width=70),
        Column("What", most("site, storage_server, storage_category, release", of("nbu_storage_server_info")), labels={"storage_category": "Category", "release": "Release"}),
    ]
    board.add(12, 8, table("Storage servers", "Whether each storage server is up. Down: nothing is written to its pools. First: its services (bpps), then its disk.", [Column("site", link=TO_SITE, width=90), Column("storage_server")], columns, sort="Up"))
    status = most("site, media_server, status", of("nbu_media_server_status")) + " == 1"
    columns = [
        Column("Up", least("site, media_server", of("nbu_media_server_up")), words=UP, width=70),
        Column("Is", status, labels={"status": "Status"}),
        Column("What", most("site, media_server, release", of("nbu_media_server_info")), labels={"release": "Release"}),
    ]
    board.add(12, 8, table("Media servers", "Whether each media server is up. DEACTIVATED is somebody's wish. First: does it answer (bptestbpcd -host), and do its services run?", [Column("site", link=TO_SITE, width=90), Column("media_server")], columns, sort="Up"))

    def of_msdp(name):
        return most("site, storage_server", of(f"nbu_msdp_{name}"))

    columns = [
        Column("Size", of_msdp("pool_size_bytes"), unit="bytes"), Column("Used", of_msdp("pool_used_bytes"), unit="bytes"), Column("Left", of_msdp("pool_available_bytes"), unit="bytes"),
        Column("Reserved", of_msdp("pool_reserved_bytes"), unit="bytes"), Column("Dedup ratio", of_msdp("dedup_ratio"), unit="percentunit", decimals=1),
        Column("Before dedup", of_msdp("catalog_logical_bytes"), unit="bytes"), Column("Files", of_msdp("catalog_files"), unit="short"),
    ]  # fmt: skip
    board.add(24, 6, table("Deduplication (MSDP)", "What each deduplication pool holds, and what it would be without. A ratio that falls: data that does not deduplicate, encrypted or compressed before the backup.", [Column("site", link=TO_SITE, width=90), Column("storage_server")], columns, sort="Left", why_empty="no storage server deduplicates"))


def add_slps():
    us = total("site, slp", of("nbu_slp_pending_copies", 'copy_state!="IMPORT_PENDING"', *BY_SLP))
    other = total("site, slp", of("nbu_slp_pending_copies", 'copy_state="IMPORT_PENDING"', *BY_SLP))
    columns = [
        Column("Oldest", slp_age(*BY_SLP), unit="s", thresholds=[(None, "green"), (RPO_HOURS * 3600, "orange"), (3 * RPO_HOURS * 3600, "red")], width=100),
        Column("Images", total("site, slp", of("nbu_slp_incomplete_images", *BY_SLP)), width=80),
        Column("Copies: this site", us, thresholds=[(None, "text")], colored=False, width=120),
        Column("Copies: other site", other, thresholds=GREEN_ORANGE, width=130),
        Column("Retried", most("site, slp", of("nbu_slp_retried_copies", *BY_SLP)), thresholds=GREEN_ORANGE, width=80),
        Column("Active", most("site, slp", of("nbu_slp_active", *BY_SLP)), words={0: ("no", "orange"), 1: ("yes", "text")}, width=70),
    ]
    says = f"Each storage lifecycle policy by what waits: the age of its oldest image without all copies, and whose turn it is. Copies of this site wait for storage, a window or an activation; those of the other site are sent and not yet imported there. Orange from {RPO_HOURS} hours on."
    board.add(14, 10, table("SLPs", says, [Column("site", link=TO_SITE, width=90), Column("slp", link=TO_SLP)], columns, sort="Oldest", descending=True))
    states = f"sum by (site, copy_type, copy_state) (max without (instance, pod) ({of('nbu_slp_pending_copies', *BY_SLP)})) > 0"
    board.add(10, 10, bars("Copies that wait, by state", "Copies that are not there yet, by what becomes of them. NOT_STARTED: window, priority or an inactive SLP; IN_PROCESS: at work; IMPORT_PENDING: the other site has not confirmed; REPLICATION_INCOMPLETE: it failed and is tried again.", [(highest(or_none(states, of("nbu_slp_incomplete_images"), "copy_state"), 12), "{{site}} {{copy_type}} {{copy_state}}")], thresholds=[(None, "blue")]))
    board.add(24, 8, lines("Images that wait for copies", "Images that wait for copies of each SLP. A line that only rises is never worked off: target storage, window, or an inactive SLP.", [(total("site, slp", of("nbu_slp_incomplete_images", *BY_SLP)), "{{site}} {{slp}}")]))


def add_tape():
    status = most("site, drive, status", of("nbu_tape_drive_status")) + " == 1"

    def paths(state):
        return total("site, drive", of("nbu_tape_drive_paths", f'status="{state}"'))

    alerts = most("site, drive, alert", of("nbu_tape_drive_alert"))
    columns = [
        Column("Is", status, labels={"status": "Status"}, words={"UP": ("UP", "green"), "DOWN": ("DOWN", "red"), "MIXED": ("MIXED", "orange"), "DISABLED": ("DISABLED", "text")}, width=100),
        Column("Paths up", paths("UP"), width=90),
        Column("Paths down", paths("DOWN"), thresholds=GREEN_ORANGE, width=100),
        Column("Cleaning", most("site, drive", of("nbu_tape_drive_needs_cleaning")), words={0: ("no", "text"), 1: ("needed", "orange")}, width=90),
        Column("What", most("site, drive, drive_type, robot_type, robot_number", of("nbu_tape_drive_identity_info")), labels={"drive_type": "Type", "robot_type": "Robot", "robot_number": "Number"}),
    ]
    says = "Each tape drive: its status, how many hosts' paths to it are up, and whether it wants to be cleaned. MIXED: up for some hosts only. First: vmoprcmd on the host whose path is not up tells the device; then cable, switch or drive."
    board.add(16, 9, table("Drives", says, [Column("site", link=TO_SITE, width=90), Column("drive")], columns, sort="Paths down", descending=True, why_empty=TAPE_IS_OFF))
    board.add(8, 9, table("What drives complain about", "The alerts that tape drives give. First: the drive's manual; HARD_ERROR and MEDIA mean a drive or a tape to replace.", [Column("site", link=TO_SITE, width=90), Column("drive"), Column("alert")], [Column("On", or_none(alerts, of("nbu_tape_drive_status"), "drive"), words={0: ("no", "green"), 1: ("yes", "orange")}, width=60)], sort="On", descending=True, why_empty=TAPE_IS_OFF))
    states = total("site, status", of("nbu_tape_drives"))
    board.add(6, 9, bars("Drives, by status", "How many drives have each status.", [(states, "{{site}} {{status}}")], thresholds=[(None, "blue")], why_empty=TAPE_IS_OFF))
    board.add(6, 9, stat("Cleaning tapes, uses left", "How often cleaning tapes can still be used. At 0 drives that need it are not cleaned. First: put a new one in.", [(lowest(total("site, media_type", of("nbu_tape_cleaning_uses_remaining"))), "{{site}} {{media_type}}")], thresholds=[(None, "red"), (1, "orange"), (5, "green")], why_empty=TAPE_IS_OFF))
    columns = [
        Column("Frozen or suspended", total("site, volume_pool", of("nbu_tape_media", 'status=~"FROZEN|SUSPENDED"')), thresholds=GREEN_ORANGE),
        Column("Active", total("site, volume_pool", of("nbu_tape_media", 'status="ACTIVE"'))),
        Column("Full", total("site, volume_pool", of("nbu_tape_media", 'status="FULL"'))),
        Column("Partly full", total("site, volume_pool", of("nbu_tape_pool_partially_full_media"))),
        Column("Written", most("site, volume_pool", of("nbu_tape_media_written_bytes")), unit="bytes"),
    ]
    board.add(12, 9, table("Volume pools", "Tapes of each pool. Without tape.media: all only frozen and suspended ones are known. Frozen ones that grow in one pool: look at the drive that wrote them.", [Column("site", link=TO_SITE, width=90), Column("volume_pool")], columns, sort="Frozen or suspended", descending=True, why_empty=TAPE_IS_OFF))
    groups = total("site, volume_group, media_type", of("nbu_tape_volume_group_media"))
    board.add(12, 7, bars("Volume groups", "How many tapes each volume group has: a robot's slots, or a shelf.", [(groups, "{{site}} {{volume_group}} {{media_type}}")], thresholds=[(None, "blue")], why_empty=TAPE_IS_OFF))
    board.add(12, 7, lines("Scratch tapes over time", "Tapes that any pool may take. When will the last one be gone?", [(SCRATCH, "{{site}}")], why_empty=TAPE_IS_OFF))


add_stats()
board.row("Is there room, and until when?")
add_pools()
board.row("Which SLP is behind, and is it us or the other site?")
add_slps()
board.row("What is down?")
add_servers()
board.row("Tape")
add_tape()
