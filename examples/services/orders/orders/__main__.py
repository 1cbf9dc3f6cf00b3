"""Start of the orders service. ``settings.py`` says what it reads from the environment."""

import logging
import sys

from aiohttp import web

from orders.settings import Settings
from orders.store import DatabaseUnreachable
from orders.web import application


def main() -> None:
    """Serve until SIGTERM or SIGINT, letting the requests in flight finish."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stdout,
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
    )
    settings = Settings.from_environment()
    try:
        web.run_app(application(settings), port=settings.port, shutdown_timeout=10, access_log=None, print=None)
    except DatabaseUnreachable as error:
        sys.exit(f"orders: {error}")


main()
