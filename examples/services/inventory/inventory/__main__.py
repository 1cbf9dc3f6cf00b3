"""Start of the inventory service.

Environment: ``REDIS_URL`` (required), ``PORT`` (default 8080), ``INVENTORY_DELAY`` (seconds by which it is late to tell
what is in stock, default 0: for trials that are to find it).
"""

import logging
import os
import sys

from aiohttp import web

from inventory.web import application


def main() -> None:
    """Serve until SIGTERM or SIGINT, letting the requests in flight finish."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stdout,
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
    )
    redis_url = os.environ.get("REDIS_URL")
    if not redis_url:
        sys.exit("inventory: REDIS_URL is not set; set it to an address such as redis://redis:6379/0")
    port = int(os.environ.get("PORT", "8080"))
    delay = float(os.environ.get("INVENTORY_DELAY", "0"))
    web.run_app(application(redis_url, delay=delay), port=port, shutdown_timeout=10, access_log=None, print=None)


main()
