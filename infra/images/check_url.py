"""`python check_url.py URL [COMPONENT]`: exits 0 if the URL answers 2xx and, if given, Airflow's COMPONENT is healthy in it."""

import json
import sys
import urllib.request

TIMEOUT_SECONDS = 8


def main(url: str, component: str = "") -> None:
    """Raise, or exit with a message, unless the answer is good. No proxy is used: the address is one of the platform's."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=TIMEOUT_SECONDS) as answer:
        body = answer.read()
    if component and (found := json.loads(body)[component])["status"] != "healthy":
        sys.exit(f"{component}: {found}")


main(*sys.argv[1:])
