"use strict";
const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);
const form = document.getElementById("form");
const go = document.getElementById("go");
const outcome = document.getElementById("outcome");
if (!token) {
  go.disabled = true;
  outcome.textContent = "This link is incomplete. Open the link in the email again, or copy all of it.";
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  go.disabled = true;
  outcome.textContent = "One moment…";
  const value = (id) => document.getElementById(id).value;
  try {
    const answer = await fetch("api/v1/auth/accept-invitation", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, name: value("name"), password: value("password") }),
    });
    const said = await answer.json();
    const rules = (said.errors || []).map((error) => error.detail);
    const refusal = rules.length ? ["This cannot be used yet.", ...rules].join("\n") : said.detail;
    outcome.textContent = answer.ok ? said.message : refusal;
    form.hidden = answer.ok;
    go.disabled = answer.ok || answer.status === 400;
  } catch {
    outcome.textContent = "The service could not be reached. Check your connection and try again.";
    go.disabled = false;
  }
});
