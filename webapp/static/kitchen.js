// The kitchen page kept live: tickets come by server-sent events, already rendered by the server.
// A silent connection is a dead one: the server says something every 10 s.
"use strict";

const SILENCE_MS = 25_000;
const REOPEN_MS = 2_000;

const toMake = document.getElementById("to-make");
const messages = document.getElementById("messages");
const done = document.getElementById("done");
const live = document.getElementById("live");
const liveText = document.getElementById("live-text");
const news = document.getElementById("news");
const clock = document.getElementById("clock");

const time = new Intl.DateTimeFormat("fr-FR", {
  hour: "numeric", minute: "2-digit", timeZone: document.body.dataset.zone,
});

let lastId = document.body.dataset.after;
let lastHeard = Date.now();
let source = null;
let reopening = 0;

function connect() {
  reopening = 0;
  if (source) source.close();
  lastHeard = Date.now();
  source = new EventSource(`${document.body.dataset.events}&after=${lastId}`);
  source.addEventListener("open", () => heard(null));
  source.addEventListener("alive", heard);
  source.addEventListener("ticket", (event) => {
    heard(event);
    showTicket(JSON.parse(event.data));
  });
  source.addEventListener("voice", (event) => {
    heard(event);
    showMessage(JSON.parse(event.data));
  });
  source.addEventListener("reload", () => location.reload());
  source.addEventListener("error", () => {
    showLive(false);
    // The browser reconnects by itself, except after an answer that was no stream.
    if (source.readyState === EventSource.CLOSED) reopenSoon();
  });
}

function reopenSoon() {
  if (!reopening) reopening = setTimeout(connect, REOPEN_MS);
}

function heard(event) {
  lastHeard = Date.now();
  if (event && event.lastEventId) lastId = event.lastEventId;
  showLive(true);
}

function showLive(isLive) {
  live.classList.toggle("on", isLive);
  live.classList.toggle("off", !isLive);
  const text = isLive ? "En direct" : "Connexion perdue, nouvel essai…";
  if (liveText.textContent !== text) liveText.textContent = text;
}

function showTicket(message) {
  const holder = document.createElement("template");
  holder.innerHTML = message.html.trim();
  const ticket = holder.content.firstElementChild;
  const known = document.getElementById(ticket.id);
  const focused = known && known.contains(document.activeElement);
  if (known) known.remove();
  else {
    ticket.classList.add("arrived");
    if (!message.done) news.textContent = `Nouvelle commande, numéro ${message.number}`;
  }
  if (callsBack(ticket) && !callsBack(known)) {
    news.textContent = `Commande ${message.number} : client à prévenir`;
  }
  if (message.done) done.prepend(ticket);
  else insertByDue(ticket);
  if (focused) {
    const button = ticket.querySelector("button");
    if (button) button.focus();
  }
  markLate();
}

function callsBack(ticket) {
  return Boolean(ticket && ticket.querySelector(".call-back"));
}

function showMessage(message) {
  const holder = document.createElement("template");
  holder.innerHTML = message.html.trim();
  const shown = holder.content.firstElementChild;
  const known = document.getElementById(shown.id);
  if (known) {
    // The player may be playing: only what is around it changes.
    const player = known.querySelector("audio");
    shown.querySelector("audio").replaceWith(player);
    known.replaceWith(shown);
  } else {
    shown.classList.add("arrived");
    messages.prepend(shown);
    if (!message.heard) news.textContent = "Nouveau message vocal";
  }
}

function insertByDue(ticket) {
  const later = [...toMake.children].find((other) => other.dataset.ready > ticket.dataset.ready);
  toMake.insertBefore(ticket, later || null);
}

function markLate() {
  const now = Date.now();
  for (const ticket of toMake.children) {
    const made = ticket.matches(".ready, .out_for_delivery");
    const late = Date.parse(ticket.dataset.ready) < now && !made;
    ticket.classList.toggle("late", late);
  }
}

function tick() {
  clock.textContent = time.format(new Date()).replace(":", "\u00a0h\u00a0");
  markLate();
  if (Date.now() - lastHeard > SILENCE_MS) {
    showLive(false);
    connect();
  }
}

async function press(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", redirect: "manual" });
    if (answer.type !== "opaqueredirect") throw new Error(String(answer.status));
  } catch {
    button.disabled = false;
    news.textContent = "Le changement n’a pas été enregistré, réessayez";
    showLive(false);
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  press(event.target);
});

connect();
tick();
setInterval(tick, 5_000);
