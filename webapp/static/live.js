// One stream of events a browser and restaurant, shared by its tabs: docs/live.md.
// The hub holds the stream, in a SharedWorker or in the tab that has the lock; each page puts the
// fragments it is told of in their place. They talk through a BroadcastChannel.
"use strict";

(() => {
  const SILENCE_MS = 25_000; // the server says something every 10 s
  const REOPEN_MS = 2_000;
  const POLL_MS = 10_000;
  const FAILURES_BEFORE_POLLING = 3;
  const HUB_MS = 8_000; // a worker that says nothing for so long is none

  function hub(url, channel) {
    const pages = new Map();
    let source = null;
    let topics = new Set();
    let lastId = null;
    let lastHeard = Date.now();
    let failures = 0;
    let isLive = null;
    let timer = 0;

    channel.addEventListener("message", ({ data }) => {
      if (data.leave) pages.delete(data.leave);
      if (!data.join) return;
      const { join } = data;
      pages.set(join.page, join);
      const behind = lastId === null || Number(join.after) < Number(lastId);
      if (behind) lastId = join.after;
      if (behind || !join.topics.every((topic) => topics.has(topic))) openIn(50);
      else if (isLive !== null) tell({ live: isLive });
    });

    function tell(message) {
      channel.postMessage(message);
    }

    function openIn(ms) {
      clearTimeout(timer);
      timer = setTimeout(open, ms);
    }

    function address() {
      topics = new Set([...pages.values()].flatMap((page) => page.topics));
      return `${url}?topics=${[...topics].join(",")}&after=${lastId}`;
    }

    function open() {
      if (source) source.close();
      source = null;
      if (!pages.size) return;
      lastHeard = Date.now();
      if (!self.EventSource || failures >= FAILURES_BEFORE_POLLING) {
        poll();
        return;
      }
      const opened = (source = new EventSource(address()));
      opened.addEventListener("error", () => {
        opened.close();
        if (opened === source) failed();
      });
      const names = [...topics].map((topic) => topic.split(":")[0]);
      for (const name of new Set(["alive", "reload", ...names])) {
        opened.addEventListener(name, (event) => {
          if (opened === source) receive(name, event.lastEventId, event.data);
        });
      }
    }

    // A proxy that lets no stream through lets answers through: what was missed, and the end.
    async function poll() {
      try {
        const asked = { redirect: "manual", cache: "no-store" };
        const answer = await fetch(`${address()}&once=true`, asked);
        if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) {
          tell({ shut: true });
          return;
        }
        if (!answer.ok) throw new Error(String(answer.status));
        for (const event of parse(await answer.text())) {
          receive(event.event, event.id, event.data);
        }
        failures = FAILURES_BEFORE_POLLING - (Math.random() < 0.2 ? 1 : 0);
        openIn(POLL_MS * (0.5 + Math.random()));
      } catch {
        failed();
      }
    }

    function failed() {
      failures += 1;
      if (failures > 1) show(false);
      openIn(REOPEN_MS * (0.5 + Math.random()));
    }

    function receive(name, id, text) {
      lastHeard = Date.now();
      failures = 0;
      if (id) lastId = id;
      if (name === "reload") {
        pages.clear();
        lastId = null;
        tell({ reload: true });
        return;
      }
      show(true);
      if (id || name !== "alive") tell({ name, id: lastId, data: JSON.parse(text) });
    }

    function show(live) {
      if (live !== isLive) tell({ live });
      isLive = live;
    }

    setInterval(() => {
      if (!pages.size || Date.now() - lastHeard < SILENCE_MS) return;
      show(false);
      failures += 1;
      open();
    }, 5_000);
    tell({ who: true });
  }

  function* parse(text) {
    for (const block of text.split("\n\n")) {
      const fields = Object.fromEntries(
        block.split("\n").map((line) => [line.split(": ", 1)[0], line.slice(line.indexOf(": ") + 2)]),
      );
      if (fields.event && fields.data) yield fields;
    }
  }

  if (self.SharedWorkerGlobalScope) {
    hub(self.name.split(" ")[1], new BroadcastChannel(self.name));
    return;
  }

  const holder = document.querySelector("[data-live]");
  if (!holder) return;
  const url = holder.dataset.live;
  const script = document.currentScript.src;
  const page = String(Math.random()).slice(2);
  const waiting = new Map();
  let after = holder.dataset.after;
  let heardOfHub = false;
  let reloading = false;
  const channel = meet(`${script} ${url}`);

  function meet(name) {
    if (!self.BroadcastChannel) return alone();
    if (self.SharedWorker) new SharedWorker(script, name);
    else if (navigator.locks) {
      navigator.locks.request(name, () => {
        hub(url, new BroadcastChannel(name));
        return new Promise(() => {});
      });
    } else return alone();
    setTimeout(() => {
      if (!heardOfHub) hub(url, new BroadcastChannel(name));
    }, HUB_MS);
    return new BroadcastChannel(name);
  }

  // Without a way to other tabs, this one has a hub of its own.
  function alone() {
    const [mine, theirs] = [new EventTarget(), new EventTarget()];
    const to = (other) => (data) =>
      setTimeout(() => other.dispatchEvent(new MessageEvent("message", { data })));
    mine.postMessage = to(theirs);
    theirs.postMessage = to(mine);
    setTimeout(() => hub(url, theirs));
    return mine;
  }

  function join() {
    const topics = holder.dataset.topics.split(" ").filter(Boolean);
    channel.postMessage({ join: { page, topics, after } });
  }

  channel.addEventListener("message", ({ data }) => {
    if (data.join || data.leave) return;
    heardOfHub = true;
    if (data.who) join();
    else if (data.reload || data.shut) reload();
    else if ("live" in data) showLive(data.live);
    else if (data.name) {
      after = data.id || after;
      if (data.data.html) receive(data.name, data.data);
    }
  });

  function receive(name, data) {
    const topics = holder.dataset.topics.split(/[ :]/);
    if (!topics.includes(name)) return;
    const made = document.createElement("template");
    made.innerHTML = data.html.trim();
    const fresh = made.content.firstElementChild;
    const known = document.getElementById(fresh.id);
    const put = () => {
      const before = document.getElementById(fresh.id);
      place(fresh, before);
      const detail = { data, fresh, known: before };
      document.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));
    };
    if (known && isHeld(known)) waiting.set(fresh.id, put);
    else {
      waiting.delete(fresh.id);
      put();
    }
  }

  // What somebody is in stays as it is until they leave it. A button is pressed, not written in:
  // it may be replaced, and the focus is then on the one in its place.
  function isHeld(element) {
    if (element.querySelector("details[open]") || isOpen(element)) return true;
    const at = document.activeElement;
    return element.contains(at) && !at.matches("a, button, body");
  }

  function isOpen(element) {
    try {
      return Boolean(element.querySelector(":popover-open"));
    } catch {
      return false; // a browser without popovers has none open
    }
  }

  function place(fresh, known) {
    if (fresh.hasAttribute("data-live-gone")) {
      if (known) known.remove();
      return;
    }
    const list = fresh.dataset.liveIn;
    const parent = list ? document.getElementById(list) : known && known.parentElement;
    if (!parent) {
      if (known) known.remove();
      return;
    }
    const at = known ? controls(known).indexOf(document.activeElement) : -1;
    if (!known) fresh.classList.add("arrived");
    if (known && (known.parentElement === parent && known.dataset.liveOrder === fresh.dataset.liveOrder)) {
      known.replaceWith(fresh);
    } else {
      if (known) known.remove();
      const order = fresh.dataset.liveOrder || "";
      const later = [...parent.children].find((other) => (other.dataset.liveOrder || "") > order);
      parent.insertBefore(fresh, later || null);
    }
    if (at >= 0) (controls(fresh)[at] || controls(fresh)[0] || document.body).focus();
  }

  function controls(element) {
    return [...element.querySelectorAll("a, button")];
  }

  function release() {
    for (const [id, put] of waiting) {
      const element = document.getElementById(id);
      if (!element || !isHeld(element)) {
        waiting.delete(id);
        put();
      }
    }
  }

  function showLive(live) {
    document.body.dataset.liveIs = live ? "on" : "off";
    for (const element of document.querySelectorAll("[data-live-shows]")) {
      element.hidden = element.dataset.liveShows !== document.body.dataset.liveIs;
    }
    if (!live) {
      const shape = { hour: "numeric", minute: "2-digit" };
      const now = new Date().toLocaleTimeString(document.documentElement.lang, shape);
      for (const element of document.querySelectorAll("[data-live-since]")) {
        if (!element.textContent) element.textContent = now;
      }
    } else {
      for (const element of document.querySelectorAll("[data-live-since]")) element.textContent = "";
    }
    document.dispatchEvent(new CustomEvent("live", { detail: { live } }));
  }

  // What is typed is not thrown away: the page loads itself again once nobody writes in it.
  function reload() {
    if (reloading) return;
    reloading = true;
    const busy = () => {
      const at = document.activeElement;
      const writes = at && at.matches("input, textarea, select");
      return writes || document.querySelector("dialog[open]") || document.body.dataset.unsent;
    };
    const look = () => (busy() ? setTimeout(look, 1_000) : location.reload());
    setTimeout(look, Math.random() * 1_000);
  }

  document.addEventListener("focusout", () => setTimeout(release));
  document.addEventListener("toggle", () => setTimeout(release), true);
  addEventListener("pagehide", () => channel.postMessage({ leave: page }));
  addEventListener("pageshow", (event) => {
    if (event.persisted) join();
  });
  join();
})();
