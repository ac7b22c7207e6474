
"use strict";
const list = document.getElementById("mail");
const to = document.getElementById("to");
const status = document.getElementById("status");
const SHOWN = 100;
const PERIOD = 2000;
let tag = null;      // the ETag of what is shown
let shown = new Map(); // a message's JSON -> its element, so that open details stay open
let round = 0;       // a filter typed meanwhile makes older answers stale

function element(name, text) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  return node;
}

function linked(text) {
  const body = element("pre");
  let end = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"]+/g)) {
    const address = match[0].replace(/[.,;:!?)\]']+$/, "");
    const link = element("a", address);
    link.href = address;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    body.append(text.slice(end, match.index), link);
    end = match.index + address.length;
  }
  body.append(text.slice(end));
  return body;
}

function formatted(html) {
  const details = element("details");
  details.append(element("summary", "HTML part (without its styles and pictures)"));
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("iframe")) return;
    const frame = element("iframe");
    frame.title = "HTML part";
    frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
    frame.srcdoc = '<!doctype html><base target="_blank">' + html;
    details.append(frame);
  });
  return details;
}

function article(message) {
  const node = element("article");
  const facts = element("dl");
  for (const [name, value] of [["To", message.to.join(", ")], ["From", message.from], ["At", message.received_at]]) {
    facts.append(element("dt", name), element("dd", value));
  }
  node.append(element("h2", message.subject || "(no subject)"), facts);
  if (message.text) node.append(linked(message.text));
  if (message.html) node.append(formatted(message.html));
  return node;
}

function show(messages) {
  const next = new Map();
  messages.forEach((message, place) => {
    let key = JSON.stringify(message);
    while (next.has(key)) key += " ";
    const node = shown.get(key) || article(message);
    next.set(key, node);
    if (list.children[place] !== node) list.insertBefore(node, list.children[place] || null);
  });
  for (const [key, node] of shown) if (!next.has(key)) node.remove();
  shown = next;
}

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

async function refresh() {
  const mine = round;
  const address = to.value.trim();
  const query = "?limit=" + SHOWN + (address ? "&to=" + encodeURIComponent(address) : "");
  try {
    const answer = await fetch("/_local/mail" + query, {
      cache: "no-store",
      headers: tag ? { "If-None-Match": tag } : {},
    });
    if (mine !== round) return;
    if (answer.status === 200) {
      const { messages } = await answer.json();
      if (mine !== round) return;
      tag = answer.headers.get("ETag");
      show(messages);
    } else if (answer.status !== 304) {
      throw new Error();
    }
    const count = list.children.length;
    say(count === 0 ? "No mail yet." : count === SHOWN ? "The newest " + SHOWN + " messages." : count === 1 ? "1 message." : count + " messages.");
  } catch {
    if (mine === round) say("The service does not answer; trying again.");
  }
}

async function loop() {
  await refresh();
  setTimeout(loop, PERIOD);
}

to.addEventListener("input", () => {
  round += 1;
  tag = null;
  refresh();
});
loop();
