// Keeps a page of the back office fresh: every ten seconds its content is asked anew and replaced,
// unless somebody is in it. While it cannot be had, the page says that it is old.
const EVERY_MS = 10_000;
const DEADLINE_MS = 8_000;

async function refresh() {
  const shown = document.getElementById("content");
  if (document.hidden || shown.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(DEADLINE_MS) });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    shown.replaceWith(page.getElementById("content"));
    document.getElementById("stale").hidden = true;
  } catch {
    document.getElementById("stale").hidden = false;
  }
}

setInterval(refresh, EVERY_MS);
