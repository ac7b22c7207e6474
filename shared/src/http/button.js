"use strict";
const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);
const go = document.getElementById("go");
const outcome = document.getElementById("outcome");
if (!token) {
  go.disabled = true;
  outcome.textContent = "This link is incomplete. Open the link in the email again, or copy all of it.";
}
go.addEventListener("click", async () => {
  go.disabled = true;
  outcome.textContent = "One moment…";
  try {
    const answer = await fetch(go.dataset.endpoint, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });
    const said = await answer.json();
    outcome.textContent = answer.ok ? said.message : said.detail;
    if (answer.ok) {
      document.getElementById("intro").hidden = true;
      go.hidden = true;
    }
    go.disabled = answer.ok || answer.status === 400;
  } catch {
    outcome.textContent = "The service could not be reached. Check your connection and press the button again.";
    go.disabled = false;
  }
});
