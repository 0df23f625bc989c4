// The kitchen's page: what is pressed goes to the server, now or when the network is back; what is
// new rings until it is accepted. live.js brings the tickets.
"use strict";

(() => {
  const RING_EVERY_MS = 4_000;
  const UNDO_MS = 5_000;
  const words = document.getElementById("words").dataset;
  const news = document.getElementById("news");
  const clock = document.getElementById("clock");
  const QUEUE = `kitchen:${words.takeBack}`;
  const time = new Intl.DateTimeFormat(words.language, {
    hour: "numeric", minute: "2-digit", timeZone: words.zone,
  });
  let live = true;

  // ---- what is pressed

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-press]");
    if (!form) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, event.submitter)).toString();
    press({ action: form.action, body, subject: subjectOf(form), form });
  });

  function subjectOf(form) {
    const element = form.closest(".ticket, .message");
    return element ? element.id : "";
  }

  async function press(act) {
    const { form } = act;
    const subject = document.getElementById(act.subject);
    if (form.dataset.undo === "later") {
      later(act, subject);
      return;
    }
    setBusy(form, true);
    const result = queued().length ? "away" : await send(act);
    setBusy(form, false);
    if (result === "away") enqueue(act);
    else if (result === "refused") say(words.refused);
    else if (form.dataset.undo === "back") offerUndo(act, subject);
    closeSheets();
  }

  function setBusy(form, busy) {
    for (const button of form.querySelectorAll("button")) {
      button.disabled = busy;
      button.toggleAttribute("aria-busy", busy);
    }
  }

  function closeSheets() {
    for (const sheet of document.querySelectorAll(".sheet[popover]")) {
      if (sheet.hidePopover && sheet.matches(":popover-open")) sheet.hidePopover();
    }
  }

  async function send(act) {
    const headers = { "content-type": "application/x-www-form-urlencoded", "x-by-script": "1" };
    const asked = { method: "POST", headers, body: act.body, redirect: "manual", keepalive: true };
    try {
      const answer = await fetch(act.action, asked);
      if (answer.ok) return "done";
      return answer.status >= 500 ? "away" : "refused";
    } catch {
      return "away";
    }
  }

  // ---- what is pressed without a network: each says where things are to be, so that one that was
  // sent and not answered may be sent again.

  function queued() {
    try {
      return JSON.parse(localStorage.getItem(QUEUE) || "[]");
    } catch {
      return [];
    }
  }

  function keep(acts) {
    localStorage.setItem(QUEUE, JSON.stringify(acts));
    document.body.toggleAttribute("data-unsent", acts.length > 0);
    const unsent = document.getElementById("unsent");
    if (unsent) unsent.textContent = acts.length ? `${unsent.dataset.words} ${acts.length}` : "";
    const waiting = new Set(acts.map((act) => act.subject));
    for (const ticket of document.querySelectorAll(".ticket")) {
      ticket.classList.toggle("queued", waiting.has(ticket.id));
    }
  }

  function enqueue(act) {
    if (!act.subject) {
      say(words.onlineOnly);
      return;
    }
    keep([...queued(), { action: act.action, body: act.body, subject: act.subject }]);
    say(words.queued);
    setTimeout(flush, 2_000);
  }

  let flushing = false;
  async function flush() {
    if (flushing || !queued().length) return;
    flushing = true;
    try {
      for (let [first] = queued(); first; [first] = queued()) {
        const result = await send(first);
        if (result === "away") break;
        if (result === "refused") say(words.refused);
        keep(queued().slice(1));
      }
    } finally {
      flushing = false;
    }
  }

  // ---- undo

  const undo = document.getElementById("undo");
  let undoTimer = 0;
  let settle = null;

  function showUndo(number, onUndo, onOver) {
    if (settle) settle(false);
    settle = (undone) => {
      clearTimeout(undoTimer);
      settle = null;
      undo.hidden = true;
      if (undone) onUndo();
      else if (onOver) onOver();
    };
    undo.querySelector("button").hidden = false;
    undo.querySelector("span").textContent = words.moved.replace("{}", number);
    undo.hidden = false;
    undoTimer = setTimeout(() => settle(false), UNDO_MS);
  }

  undo.querySelector("button").addEventListener("click", () => settle && settle(true));
  addEventListener("pagehide", () => settle && settle(false));

  // The server takes it back: for so long nobody was told of it.
  function offerUndo(act, subject) {
    const order = act.subject.replace("order-", "");
    const action = decodeURIComponent(words.takeBack).replace("{order}", order);
    const body = new URLSearchParams({ left: act.form.dataset.left }).toString();
    showUndo(subject.dataset.number, async () => {
      if ((await send({ action, body })) !== "done") say(words.refused);
    });
  }

  // What cannot be taken back is sent once nobody wants it back.
  function later(act, subject) {
    subject.classList.add("queued");
    closeSheets();
    showUndo(
      subject.dataset.number,
      () => subject.classList.remove("queued"),
      async () => {
        const result = queued().length ? "away" : await send(act);
        if (result === "away") enqueue(act);
        else if (result === "refused") say(words.refused);
      },
    );
  }

  // ---- what is new

  function say(text) {
    news.textContent = text;
    if (settle) return;
    undo.querySelector("span").textContent = text;
    undo.querySelector("button").hidden = true;
    undo.hidden = false;
    clearTimeout(undoTimer);
    undoTimer = setTimeout(() => {
      undo.hidden = true;
      undo.querySelector("button").hidden = false;
    }, UNDO_MS);
  }

  document.addEventListener("live", (event) => {
    live = event.detail.live;
    if (live) flush();
  });

  document.addEventListener("live:ticket", ({ detail: { data, fresh, known } }) => {
    const was = known && known.querySelector(".call-back");
    if (fresh.querySelector(".call-back") && !was) say(words.callBack.replace("{}", data.number));
    else if (!known && data.status === "placed") {
      const said = "allergy" in fresh.dataset ? words.allergy : words.arrived;
      news.textContent = said.replace("{}", data.number);
      ring();
    }
    keep(queued());
    tick();
  });

  document.addEventListener("live:voice", ({ detail: { data, known } }) => {
    if (!known && !data.heard) say(words.voice);
  });

  // ---- the clock, and how long everything waits

  const minutes = (since) => Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 60_000));

  function tick() {
    if (clock) {
      const [hour, minute] = time.format(new Date()).split(":");
      clock.textContent = words.language === "fr" ? `${hour}\u00a0h\u00a0${minute}` : `${hour}:${minute}`;
    }
    for (const ticket of document.querySelectorAll(".board .ticket, .pickup .ticket")) show(ticket);
    for (const empty of document.querySelectorAll("[data-empty]")) {
      empty.hidden = document.getElementById(empty.dataset.empty).children.length > 0;
    }
    for (const count of document.querySelectorAll("[data-counts]")) {
      count.textContent = document.getElementById(count.dataset.counts).children.length;
    }
  }

  function show(ticket) {
    const { ready, since, amber, red } = ticket.dataset;
    const put = (selector, text) => {
      const element = ticket.querySelector(selector);
      if (element && element.textContent !== text) element.textContent = text;
    };
    const made = ticket.matches(".ready");
    const left = Math.floor((Date.parse(ready) - Date.now()) / 60_000);
    if (made) put(".left", words.ready.replace("{}", minutes(since)));
    else if (left < 0) put(".left", words.late.replace("{}", -left));
    else if (left < 60) put(".left", words.in.replace("{}", left));
    put(".rings-for", words.rings.replace("{}", minutes(since)));
    put(".waits", words.waits.replace("{}", minutes(since)));
    ticket.classList.toggle("late", !made && left < 0);
    ticket.classList.toggle("red", Boolean(red) && Date.parse(red) <= Date.now());
    const isAmber = Boolean(amber) && Date.parse(amber) <= Date.now() && !ticket.matches(".red");
    ticket.classList.toggle("amber", isAmber);
  }

  // ---- sound: after one touch, until nothing is new any more; an allergy has two tones of its own

  const button = document.getElementById("sound");
  let audio = null;

  function ring() {
    if (!audio || audio.state !== "running") return;
    const fresh = [...document.querySelectorAll("#lane-new > .ticket")];
    if (!fresh.length) return;
    const allergy = fresh.some((ticket) => "allergy" in ticket.dataset);
    const tones = allergy ? [[988, 0], [659, 0.25], [988, 0.5], [659, 0.75]] : [[880, 0], [880, 0.3]];
    for (const [hertz, after] of tones) {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      const at = audio.currentTime + after;
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0.4, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + 0.22);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.23);
    }
  }

  if (button && self.AudioContext) {
    const says = button.querySelector(".says");
    const off = says.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      audio = audio || new AudioContext();
      if (audio.state === "running") await audio.suspend();
      else await audio.resume();
      const on = audio.state === "running";
      button.setAttribute("aria-pressed", String(on));
      says.textContent = on ? says.dataset.on : off;
      ring();
    });
    setInterval(ring, RING_EVERY_MS);
  }

  addEventListener("online", flush);
  setInterval(flush, 10_000);
  setInterval(tick, 5_000);
  keep(queued());
  tick();
  flush();
})();
