"use strict";
const link = new URLSearchParams(location.hash.slice(1));
const token = link.get("token");
history.replaceState(null, "", location.pathname);
const form = document.getElementById("form");
const go = document.getElementById("go");
const outcome = document.getElementById("outcome");
// A disabled part is neither required nor sent.
for (const part of form.querySelectorAll("[data-if]")) {
  part.hidden = part.disabled = !link.has(part.dataset.if);
}
if (!token) {
  go.disabled = true;
  outcome.textContent = "This link is incomplete. Open the link in the email again, or copy all of it.";
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  go.disabled = true;
  outcome.textContent = "One moment…";
  try {
    const answer = await fetch(form.dataset.endpoint, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, ...Object.fromEntries(new FormData(form)) }),
    });
    const said = await answer.json();
    const rules = (said.errors || []).map((error) => error.detail);
    const refusal = rules.length ? ["Please correct this:", ...rules].join("\n") : said.detail;
    outcome.textContent = answer.ok ? said.message : refusal;
    form.hidden = answer.ok;
    go.disabled = answer.ok || answer.status === 400;
  } catch {
    outcome.textContent = "The service could not be reached. Check your connection and try again.";
    go.disabled = false;
  }
});
