// What both flows need besides their client: the address of the service, an account of their own, and its captured mail.

const address = process.env.URL;
if (!address) throw new Error("URL is the address of the service");

export const url = address;
export const password = "Correct-Horse-7-Battery";

export const newEmail = (client: string) => `${client}-${process.pid}-${Date.now()}@example.com`;

/** The token of the newest email that has one with this prefix; the mailer runs beside the service. */
export async function mailed(email: string, prefix: string): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const mail = await (await fetch(`${url}/_local/mail?to=${encodeURIComponent(email)}`)).text();
    const token = mail.match(new RegExp(`${prefix}[A-Za-z0-9_-]+`))?.[0];
    if (token) return token;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no email with ${prefix} arrived`);
}

/** The answer, or the problem that the service reported. */
export function done<T>(step: string, answer: { data?: T; error?: { code: string; detail: string } }): T {
  if (answer.data === undefined) throw new Error(`${step}: ${answer.error?.code} ${answer.error?.detail}`);
  console.log(step);
  return answer.data;
}
