"""Scrapes a page without a pause until its standard input ends, each time by a new connection as a new scraper would, and
prints how many scrapes there were, how many failed, and why the first ones did."""

import http.client
import sys
import threading
import time

HOST, PORT, PATH = sys.argv[1], int(sys.argv[2]), sys.argv[3]
# Prometheus' default scrape time-out.
TIMEOUT = 10
PAUSE = 0.02
MOST_REASONS = 5


def scrape():
    connection = http.client.HTTPConnection(HOST, PORT, timeout=TIMEOUT)
    try:
        connection.request("GET", PATH)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return f"status {answer.status}"
        return None if b"\nnbu_up{" in body else "a page without nbu_up"
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()


def main():
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    scrapes, reasons, began = 0, [], time.monotonic()
    while not ended.is_set():
        scrapes += 1
        reason = scrape()
        if reason:
            reasons.append(f"after {time.monotonic() - began:.2f} s: {reason}")
        time.sleep(PAUSE)
    print(f"{scrapes}\t{len(reasons)}\t{'; '.join(reasons[:MOST_REASONS])}")


main()
