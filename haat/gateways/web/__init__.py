"""Pages: store, vendor portal and back office. Server-rendered; JavaScript only adds comfort."""

from haat.gateways.web.routers import site_routers, web_state

__all__ = ["site_routers", "web_state"]
