"""`python check_url.py URL [COMPONENT]`: exits 0 if the URL answers 2xx and, given Airflow's COMPONENT, says it is healthy."""

import json
import sys
import urllib.request

SECONDS = 8


def main(url: str, component: str = "") -> None:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=SECONDS) as answer:
        body = answer.read()
    if component and (found := json.loads(body)[component])["status"] != "healthy":
        sys.exit(f"{component}: {found}")


main(*sys.argv[1:])
