"""The site's tests may ask for `site`: the whole of it in this process."""

from tests.integration.webapp.site_under_test import site

__all__ = ["site"]
