/** What the pages of the sign-in window do beyond forms: hand the code to the page that opened it, follow a link's ticket, wait for a
 * letter to be answered. Each page says in its body's data what it is for. */
"use strict";

const page = document.body.dataset;

/** The one-time code, to the exact origin that the window was opened for; whoever is elsewhere gets nothing. */
function handOver() {
  if (window.opener && !window.opener.closed) {
    window.opener.postMessage({ parlour: "code", code: page.code, challenge: page.challenge }, page.origin);
    setTimeout(() => window.close(), 50);
    return;
  }
  // Cut off from the page (it isolates itself): the person carries the signs over.
  document.getElementById("cut-off").hidden = false;
  document.getElementById("handed-over").hidden = true;
}

/** A letter's link has its ticket behind `#`, which no server and no log sees. */
function takeTicket() {
  document.getElementById("ticket").value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}

async function waitForLetter() {
  const form = document.getElementById("waiting");
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch("/auth/waiting", { method: "POST", body });
  if (answer.ok && (await answer.json()).ready) form.requestSubmit();
  else if (answer.ok) setTimeout(waitForLetter, 2000);
}

if (page.act === "hand-over") handOver();
else if (page.act === "ticket") takeTicket();
else if (page.act === "wait") waitForLetter();
else if (page.act === "leave") location.replace(document.getElementById("leave").href);
