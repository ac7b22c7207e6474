"use strict";
// A second link that is opened in the same tab changes only the fragment, and no script runs again.
addEventListener("hashchange", () => location.reload());
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

function wait(answer) {
  const seconds = Number(answer.headers.get("retry-after")) || 1;
  const [count, unit] =
    seconds < 90 ? [seconds, "second"] : seconds < 5400 ? [Math.ceil(seconds / 60), "minute"] : [Math.ceil(seconds / 3600), "hour"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

// "Password: must contain a digit." A rule about anything but the form's fields is about the link.
function rule({ pointer, detail }) {
  const label = form.querySelector(`[name="${pointer.slice(1)}"]`)?.labels[0];
  return label ? `${label.textContent}: ${detail[0].toLowerCase()}${detail.slice(1)}` : form.dataset.expired;
}

// What a problem's own words say is for developers.
function explain(answer, problem) {
  switch (problem.code) {
    case "invalid_or_expired_token":
      return form.dataset.expired;
    case "validation_failed":
      return ["Please correct this:", ...problem.errors.map(rule)].join("\n");
    case "rate_limited":
      return `There were too many attempts. Please try again in ${wait(answer)}.`;
    case "service_unavailable":
      return `The service is busy right now, and nothing was changed. Please try again in ${wait(answer)}.`;
    case "conflict":
      return "The account was changed at the same moment. Please try again.";
    default: {
      const id = problem.request_id || answer.headers.get("x-request-id");
      return `Something went wrong. Please try again later. If it happens again, contact support and mention this number: ${id}`;
    }
  }
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
    const said = await answer.json().catch(() => ({}));
    outcome.textContent = answer.ok ? said.message : explain(answer, said);
    form.hidden = answer.ok;
    go.disabled = answer.ok || said.code === "invalid_or_expired_token";
  } catch {
    outcome.textContent = "The service could not be reached. Check your connection and try again.";
    go.disabled = false;
  }
});
