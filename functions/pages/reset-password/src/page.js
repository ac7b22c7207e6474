"use strict";
const link = new URLSearchParams(location.hash.slice(1));
const token = link.get("token");
history.replaceState(null, "", location.pathname);
const form = document.getElementById("form");
const go = document.getElementById("go");
const outcome = document.getElementById("outcome");
const name = document.getElementById("name");
document.getElementById("called").hidden = !link.has("name");
name.required = link.has("name");
if (!token) {
  go.disabled = true;
  outcome.textContent = "This link is incomplete. Open the link in the mail again, or copy all of it.";
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  go.disabled = true;
  outcome.textContent = "One moment…";
  try {
    const answer = await fetch("api/v1/auth/reset-password", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        token,
        new_password: document.getElementById("password").value,
        ...(name.required ? { name: name.value } : {}),
      }),
    });
    const said = await answer.json();
    const rules = (said.errors || []).map((error) => error.detail);
    const refusal = rules.length ? ["This password cannot be used.", ...rules].join("\n") : said.detail;
    outcome.textContent = answer.ok ? said.message : refusal;
    form.hidden = answer.ok;
    go.disabled = answer.ok || answer.status === 400;
  } catch {
    outcome.textContent = "The service could not be reached. Check your connection and try again.";
    go.disabled = false;
  }
});
