"""Hours, pace and zones are the managers' and the owner's; so is asking what the AI will say."""

from tests.integration.webapp.access.matrix import Row, least_manager, least_owner
from tests.integration.webapp.site_under_test import SiteUnderTest

CONFIG = "/place/{restaurant_id}/config"
START = "/place/{restaurant_id}/start"
LINE = f"{CONFIG}/line"
VOICE = f"{CONFIG}/voice"
ANSWER = {"question": "Un parking ?", "answer": "Oui."}
CLOSED = {"closed": "yes"}
ZONE = {"name": "Ici", "fee": "2,50", "minimum": "15", "delay_minutes": "20", "postcodes": "69001"}


def friday(_site: SiteUnderTest) -> dict[str, str]:
    return {"kind": "pickup", "day": "4"}


def eve(_site: SiteUnderTest) -> dict[str, str]:
    return {"day": "2026-12-24"}


def greeting(_site: SiteUnderTest) -> dict[str, str]:
    return {"kind": "greeting"}


ROWS = [
    Row("GET", f"{CONFIG}/hours", least_manager(200)),
    Row("GET", f"{CONFIG}/hours/{{kind}}/days/{{day}}", least_manager(200), ids=friday),
    Row(
        "POST", f"{CONFIG}/hours/{{kind}}/days/{{day}}", least_manager(303), form=CLOSED, ids=friday
    ),
    Row("POST", f"{CONFIG}/hours/exceptions", least_manager(422)),
    Row("GET", f"{CONFIG}/hours/exceptions/{{day}}", least_manager(404), ids=eve),
    Row("POST", f"{CONFIG}/hours/exceptions/{{day}}/remove", least_manager(404), ids=eve),
    Row("POST", f"{CONFIG}/hours/holidays", least_manager(303)),
    Row("POST", f"{CONFIG}/hours/holidays/{{day}}", least_manager(303), ids=eve),
    Row("GET", f"{CONFIG}/kitchen", least_manager(200)),
    Row("POST", f"{CONFIG}/kitchen", least_manager(422)),
    Row("POST", f"{CONFIG}/kitchen/rules", least_manager(422)),
    Row("POST", f"{CONFIG}/kitchen/rules/{{rule_id}}", least_manager(404), form={"most": "3"}),
    Row("POST", f"{CONFIG}/kitchen/rules/{{rule_id}}/remove", least_manager(404)),
    Row("GET", f"{CONFIG}/zones", least_manager(200)),
    Row("POST", f"{CONFIG}/zones", least_manager(422)),
    Row("GET", f"{CONFIG}/zones/{{zone_id}}", least_manager(404)),
    Row("POST", f"{CONFIG}/zones/{{zone_id}}", least_manager(404), form=ZONE),
    Row("POST", f"{CONFIG}/zones/{{zone_id}}/remove", least_manager(404)),
    Row("GET", "/place/{restaurant_id}/ask", least_manager(200)),
    Row("GET", START, least_manager(303)),
    Row("GET", f"{START}/{{step}}", least_manager(200), ids=lambda _site: {"step": "menu"}),
    Row("POST", f"{START}/restaurant", least_owner(409)),
    Row("POST", f"{START}/opening", least_manager(422)),
    Row("POST", f"{START}/live", least_owner(303)),
    Row("GET", LINE, least_manager(200)),
    Row("GET", f"{LINE}/account", least_owner(200)),
    Row("POST", f"{LINE}/account", least_owner(422)),
    Row("GET", VOICE, least_manager(200)),
    Row("POST", f"{VOICE}/prompts/{{kind}}", least_manager(303), ids=greeting),
    Row("GET", f"{VOICE}/prompts/{{kind}}.wav", least_manager(404), ids=greeting),
    Row("POST", f"{VOICE}/voice", least_manager(303), form={"voice": "cedar"}),
    Row("POST", f"{VOICE}/targets", least_manager(422)),
    Row("POST", f"{VOICE}/targets/remove", least_manager(404), form={"number": "0199001234"}),
    Row("POST", f"{VOICE}/questions/{{gap_id}}", least_manager(404), form={"answer": "Oui."}),
    Row("POST", f"{VOICE}/questions/{{gap_id}}/dismiss", least_manager(404)),
    Row("POST", f"{VOICE}/answers", least_manager(422)),
    Row("GET", f"{VOICE}/answers/{{faq_id}}", least_manager(404)),
    Row("POST", f"{VOICE}/answers/{{faq_id}}", least_manager(404), form=ANSWER),
    Row("POST", f"{VOICE}/answers/{{faq_id}}/remove", least_manager(404)),
]
