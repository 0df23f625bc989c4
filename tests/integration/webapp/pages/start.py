"""The steps of setting up."""

from tests.integration.webapp.pages.page import Page

STEPS = ("restaurant", "menu", "opening", "voice", "line", "live", "call")
PAGES = [Page(f"start/{step}", f"/place/{{restaurant}}/start/{step}") for step in STEPS]
