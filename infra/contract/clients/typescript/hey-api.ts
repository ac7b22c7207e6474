// The flow through the client that @hey-api/openapi-ts has generated from the description.

import { client } from "./sdk/client.gen.js";
import { authLogin, authLogout, authMe, authRefresh, authRegister, authVerifyEmail, sessionsList } from "./sdk/sdk.gen.js";
import { done, mailed, newEmail, password, url } from "./mail.js";

let accessToken = "";
client.setConfig({ baseUrl: url, auth: () => accessToken });
const email = newEmail("hey-api");

done("register", await authRegister({ body: { email, password, name: "Ada" } }));
const early = await authLogin({ body: { email, password } });
if (early.error?.code !== "email_not_verified") throw new Error("login: not refused before the verification");
done("verify", await authVerifyEmail({ body: { token: await mailed(email, "dvt_") } }));

const first = done("login", await authLogin({ body: { email, password } }));
accessToken = first.access_token;
const me = done("me", await authMe());
if (me.id !== first.user.id || me.role !== "user") throw new Error("me: another account");

const second = done("refresh", await authRefresh({ body: { refresh_token: first.refresh_token } }));
accessToken = second.access_token;
const listed = done("sessions", await sessionsList());
if (listed.total_count !== 1 || !listed.sessions[0]?.is_current) throw new Error("sessions: not the one that was started");

done("logout", await authLogout({ body: { refresh_token: second.refresh_token } }));
const refused = await authMe();
if (refused.error?.code !== "session_revoked") throw new Error("logout: the session lives on");
