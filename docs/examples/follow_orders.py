"""Accept a restaurant's new orders: a till in twenty lines of plain Python.

ALLORESTO_URL=https://… ALLORESTO_TOKEN=… python follow_orders.py
"""

import json
import os
from urllib.request import Request, urlopen

API = os.environ["ALLORESTO_URL"] + "/api/v1"
HEADERS = {"Authorization": "Bearer " + os.environ["ALLORESTO_TOKEN"]}


def ask(path, body=None, **headers):
    if body is not None:
        body, headers = json.dumps(body).encode(), headers | {"Content-Type": "application/json"}
    with urlopen(Request(API + path, body, HEADERS | headers), timeout=10) as answer:
        return json.load(answer)


for order in ask("/orders?status=placed")["data"]:
    key = {"Idempotency-Key": f"accept-{order['id']}"}
    accepted = ask(f"/orders/{order['id']}/status", {"status": "accepted"}, **key)
    dishes = ", ".join(f"{line['quantity']} × {line['name']}" for line in order["lines"])
    print(f"n° {order['number']} {accepted['status']}: {dishes}, {order['total_cents'] / 100} €")
