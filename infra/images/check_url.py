"""`python check_url.py URL [COMPONENT]`: exits 0 if the URL answers 2xx and, if given, Airflow's COMPONENT is healthy in it."""

import json
import sys
import urllib.request

TIMEOUT_SECONDS = 8


def main(url: str, component: str = "") -> None:
    """Raise an error or exit with a message unless the check passes. No proxy is used, because the address is internal."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=TIMEOUT_SECONDS) as answer:
        body = answer.read()
    if component and (found := json.loads(body)[component])["status"] != "healthy":
        sys.exit(f"{component}: {found}")


main(*sys.argv[1:])
