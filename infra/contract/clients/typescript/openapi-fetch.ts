// The README's flow through openapi-fetch, whose types openapi-typescript has generated from the description. Where the
// description and this file do not fit together, `tsc` fails; where the description and the service do not, this fails.

import createClient from "openapi-fetch";
import { done, mailed, newEmail, password, url } from "./mail.js";
import type { paths } from "./schema.js";

const api = createClient<paths>({ baseUrl: url });
const email = newEmail("openapi-fetch");

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

done("register", await api.POST("/api/v1/auth/register", { body: { email, password, name: "Ada" } }));
done("verify", await api.POST("/api/v1/auth/verify-email", { body: { token: await mailed(email, "dvt_") } }));
const first = done("login", await api.POST("/api/v1/auth/login", { body: { email, password } }));
if (first.user.email !== email) throw new Error("login: another account");

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
const reset = { token: await mailed(email, "drs_"), new_password: "Brave-Otter-9-Lantern" };
done("reset", await api.POST("/api/v1/auth/reset-password", { body: reset }));
const last = done("login", await api.POST("/api/v1/auth/login", { body: { email, password: reset.new_password } }));
done("logout", await api.POST("/api/v1/auth/logout", { body: { refresh_token: last.refresh_token } }));
