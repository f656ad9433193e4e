// The keys of the page, and answers that stay on the screen until the server has written them.
"use strict";
const form = document.querySelector("form.answers");
const began = performance.now();
let busy = false;

async function send(button) {
  const sent = new URLSearchParams({
    example: form.elements.example.value,
    answer: button.value,
    seconds: ((performance.now() - began) / 1000).toFixed(1),
  });
  busy = true;
  form.classList.add("busy");
  let problem = "The server has ended. All earlier answers are kept, this one is not: start the"
    + " server again, and open the address that it shows.";
  try {
    const reply = await fetch(form.action, { method: "POST", body: sent, redirect: "manual" });
    if (reply.type === "opaqueredirect") return location.assign(form.action);
    problem = await reply.text();
  } catch {}
  document.querySelector("[role=alert]").textContent = problem;
  form.classList.remove("busy");
  busy = false;
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!busy) send(event.submitter ?? form.querySelector("button"));
  });
}
document.addEventListener("keydown", (event) => {
  if (event.repeat || busy || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "u") document.querySelector("a.back")?.click();
  else if (/^[1-9s]$/.test(key)) document.querySelector(`button[data-key="${key}"]`)?.click();
});
// Back in the history: the answers are others by now.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
