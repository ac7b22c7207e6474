// The README's flow through a client whose types are generated from the description. Where the description and this file do not fit
// together, `tsc` says so; where the description and the service do not, this fails.

import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const url = process.env.URL;
if (!url) throw new Error("URL names the service");

const api = createClient<paths>({ baseUrl: url });
const email = `typescript-${process.pid}-${Date.now()}@example.com`;
const password = "Correct-Horse-7-Battery";

/** What the service answered, or the problem that it told. */
function done<T>(step: string, answer: { data?: T; error?: { code: string; detail: string } }): T {
  if (answer.data === undefined) throw new Error(`${step}: ${answer.error?.code} ${answer.error?.detail}`);
  console.log(step);
  return answer.data;
}

/** The token of the newest mail that has one with this prefix; the mailer runs beside the service. */
async function mailed(prefix: string): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const mail = await (await fetch(`${url}/_local/mail?to=${encodeURIComponent(email)}`)).text();
    const token = mail.match(new RegExp(`${prefix}[A-Za-z0-9_-]+`))?.[0];
    if (token) return token;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail with ${prefix} came`);
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

done("register", await api.POST("/api/v1/auth/register", { body: { email, password, name: "Ada" } }));
done("verify", await api.POST("/api/v1/auth/verify-email", { body: { token: await mailed("dvt_") } }));
const first = done("login", await api.POST("/api/v1/auth/login", { body: { email, password } }));
if (first.user.email !== email) throw new Error("login: somebody else's account");

const me = done("me", await api.GET("/api/v1/auth/me", bearer(first.access_token)));
if (!me.email_verified || me.role !== "user") throw new Error("me: another account than was made");

const second = done("refresh", await api.POST("/api/v1/auth/refresh", { body: { refresh_token: first.refresh_token } }));
const other = done("login again", await api.POST("/api/v1/auth/login", { body: { email, password } }));
const listed = done("sessions", await api.GET("/api/v1/auth/sessions", bearer(second.access_token)));
const phone = listed.sessions.find((session) => !session.is_current);
if (listed.total_count !== 2 || !phone) throw new Error("sessions: not the two that were begun");
done(
  "revoke",
  await api.DELETE("/api/v1/auth/sessions/{id}", { params: { path: { id: phone.id } }, ...bearer(second.access_token) }),
);
const refused = await api.GET("/api/v1/auth/me", bearer(other.access_token));
if (refused.error?.code !== "session_revoked") throw new Error("revoke: the session lives on");

done("ask for a reset", await api.POST("/api/v1/auth/request-password-reset", { body: { email } }));
const reset = { token: await mailed("drs_"), new_password: "Brave-Otter-9-Lantern" };
done("reset", await api.POST("/api/v1/auth/reset-password", { body: reset }));
const last = done("login", await api.POST("/api/v1/auth/login", { body: { email, password: reset.new_password } }));
done("logout", await api.POST("/api/v1/auth/logout", { body: { refresh_token: last.refresh_token } }));
