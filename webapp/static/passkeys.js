// Passkeys (WebAuthn level 3): a block with data-passkey is shown where the browser has them. Its
// button fetches options, asks the browser, sends what it says, and goes where the answer leads.
"use strict";

const bytes = (text) => Uint8Array.from(
  atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));

const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function decoded(options) {
  const keys = (list) => (list || []).map((key) => ({ ...key, id: bytes(key.id) }));
  const read = { ...options, challenge: bytes(options.challenge) };
  if (options.user) {
    read.user = { ...options.user, id: bytes(options.user.id) };
    read.excludeCredentials = keys(options.excludeCredentials);
  } else {
    read.allowCredentials = keys(options.allowCredentials);
  }
  return read;
}

function encoded(credential) {
  const said = { clientDataJSON: text(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) said[name] = text(credential.response[name]);
  }
  return {
    id: credential.id, rawId: text(credential.rawId), type: credential.type,
    response: said, clientExtensionResults: credential.getClientExtensionResults(),
  };
}

async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST", body, redirect: "manual",
    headers: { "Content-Type": "application/json", "Accept": "application/json" },
  });
  return { status: answer.status, said: await answer.json().catch(() => ({})) };
}

async function ceremony(block) {
  const asked = await post(block.dataset.options);
  if (asked.status === 401 && block.dataset.confirm) return { location: block.dataset.confirm };
  if (asked.status !== 200) return asked.said;
  const publicKey = decoded(asked.said);
  const made = block.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey })
    : await navigator.credentials.get({ publicKey });
  return (await post(block.dataset.send, JSON.stringify(encoded(made)))).said;
}

function offer(block) {
  const button = block.querySelector("button");
  const problem = block.querySelector(".error");
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    problem.hidden = true;
    try {
      const { location, sentence } = await ceremony(block);
      if (location) return window.location.assign(location);
      problem.textContent = sentence || "";
    } catch (error) {
      problem.textContent = ""; // the person closed the browser's own window, which said why
    } finally {
      button.removeAttribute("aria-busy");
    }
    problem.hidden = !problem.textContent;
  });
  block.hidden = false;
}

if (window.PublicKeyCredential && navigator.credentials) {
  document.querySelectorAll("[data-passkey]").forEach(offer);
}
