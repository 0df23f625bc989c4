"""Pages that belong to no feature: what a visitor sees when there is none."""

from tests.integration.webapp.pages.page import Page

PAGES = [Page("layout/not-found", "/nowhere", visitor="anonymous", status=404)]
