// Keeps the page up to date: asks for it again when something changed, and now and then for what
// changes by itself, and takes over what differs. What has the focus keeps it, and what a screen
// reader has read is not read again.
"use strict";

const quiet = { once: 2000, hidden: 30000, large: 10000 };
const large = 300000; // octets
const live = document.getElementById("live");
let timer = 0;
let asking = false;
let again = false;
let pause = quiet.once;

function tell(state, words) {
  if (live.dataset.state === state) return;
  live.dataset.state = state;
  live.textContent = words;
}

// Without news the page must not go on saying that all is well: where eyes are, and in the title.
let heard = Date.now();
let silence = 0;

function silent() {
  const words = `No news from Pointsman for ${Math.round((Date.now() - heard) / 1000)} s`;
  const summary = document.getElementById("summary");
  if (summary) {
    if (!summary.classList.contains("lost")) summary.className = "summary lost";
    summary.textContent = words;
  }
  document.title = `${words} · Pointsman`;
  if (!silence) silence = setInterval(silent, 1000);
}

function heardAgain() {
  heard = Date.now();
  clearInterval(silence);
  silence = 0;
}

function same(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && one.id === other.id;
}

// Makes `now` like `next`, by changing as little as possible.
function follow(now, next) {
  if (now.nodeType === Node.TEXT_NODE) {
    if (now.data !== next.data) now.data = next.data;
    return;
  }
  if (now.nodeType !== Node.ELEMENT_NODE || now.id === "live") return;
  for (const { name, value } of next.attributes) {
    if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  }
  for (const { name } of [...now.attributes]) {
    // What a reader has opened stays open.
    if (!next.hasAttribute(name) && name !== "open") now.removeAttribute(name);
  }
  let place = now.firstChild;
  for (const wanted of [...next.childNodes]) {
    let found = place;
    if (wanted.id) {
      for (found = place; found && found.id !== wanted.id; found = found.nextSibling);
    }
    if (found && same(found, wanted)) {
      if (found !== place) now.insertBefore(found, place);
      else place = place.nextSibling;
      follow(found, wanted);
    } else {
      const fresh = document.importNode(wanted, true);
      if (fresh.id && fresh.id.startsWith("event-")) fresh.classList.add("fresh");
      now.insertBefore(fresh, place);
    }
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

async function look() {
  clearTimeout(timer);
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  again = false;
  try {
    const reply = await fetch(location.href, {
      headers: { Accept: "text/html" },
      cache: "no-store",
      signal: AbortSignal.timeout(8000),
    });
    if (!reply.ok) throw new Error(String(reply.status));
    const text = await reply.text();
    heardAgain();
    const next = new DOMParser().parseFromString(text, "text/html");
    if (document.title !== next.title) document.title = next.title;
    const focus = document.activeElement;
    for (const part of ["header", "main", "footer"]) {
      follow(document.querySelector(part), next.querySelector(part));
    }
    // What is moved loses the focus.
    if (focus !== document.activeElement && focus.isConnected) focus.focus({ preventScroll: true });
    pause = text.length > large ? quiet.large : quiet.once;
    tell("on", "This page is live.");
  } catch {
    tell("lost", "Pointsman does not answer; trying again.");
    silent();
  }
  asking = false;
  timer = setTimeout(look, again ? 100 : document.hidden ? quiet.hidden : pause);
}

const changes = new EventSource("/v1/events/stream");
changes.onmessage = look;
for (const kind of ["write_changed", "no_writer", "split_brain", "server_state", "read_changed",
  "read_empty", "witness", "isolated", "reconnected", "override", "config"]) {
  changes.addEventListener(kind, look);
}
addEventListener("pagehide", () => changes.close());
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
timer = setTimeout(look, pause);
