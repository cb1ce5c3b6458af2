"""Who asks which simulated site. Each pod asks by a key that is its name.

asked.py follow ADDRESS FILE PORT...            until it is ended, writes each request: time in milliseconds, site's port, key's fingerprint
asked.py account FILE SINCE UNTIL LIMIT POD...  prints requests per site and pod between two times; fails if a site was asked by
                                                nobody for more than LIMIT seconds, or by one pod, another, and the first one again"""

import hashlib
import json
import sys
import time
import urllib.request

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# The simulator lists its newest 200 requests: often enough that none is missed.
PAUSE = 0.25


def follow(address, path, *ports):
    seen = dict.fromkeys(ports, 0)
    with open(path, "a", buffering=1, encoding="utf-8") as out:
        while True:
            for port in ports:
                with OPENER.open(f"http://{address}:{port}/simulator/requests", timeout=10) as answer:
                    requests = json.load(answer)["requests"]
                for request in requests:
                    # The API's version is asked for without a key.
                    if request["number"] > seen[port] and request["keyFingerprint"]:
                        out.write(f"{request['time']} {port} {request['keyFingerprint']}\n")
                if requests:
                    if seen[port] and requests[0]["number"] > seen[port] + 1:
                        raise SystemExit(f"requests of {port} were missed")
                    seen[port] = requests[-1]["number"]
            time.sleep(PAUSE)


def account(path, since, until, limit, *pods):
    since, until, limit = int(since), int(until), float(limit)
    names = {hashlib.sha256(pod.encode()).hexdigest()[:12]: pod for pod in pods}
    sites, mistakes = {}, []
    for line in open(path, encoding="utf-8"):
        at, port, key = line.split()
        if since <= int(at) < until:
            sites.setdefault(port, []).append((int(at), names.get(key, key)))
    for port in ("8081", "8082", "8083"):
        asked = sites.get(port, [])
        times = [since, *(at for at, _ in asked), until]
        pause = max(after - before for before, after in zip(times, times[1:])) / 1000
        counts, turns = {}, []
        for _, pod in asked:
            counts[pod] = counts.get(pod, 0) + 1
            if not turns or turns[-1] != pod:
                turns.append(pod)
        who = ", ".join(f"{pod} {count}" for pod, count in counts.items())
        print(f"    {port}: longest pause {pause:5.1f} s, {len(turns) - 1} moves: {who or 'nobody'}")
        if pause > limit:
            mistakes.append(f"{port} was asked by nobody for {pause:.1f} s, more than {limit:.0f} s")
        if len(set(turns)) < len(turns):
            mistakes.append(f"{port} was asked in turns: {' '.join(turns)}")
    if mistakes:
        raise SystemExit("; ".join(mistakes))


{"follow": follow, "account": account}[sys.argv[1]](*sys.argv[2:])
