// The menu and the waiting loop of benches/webhooks.rs, as Twilio's Node SDK and Express write them.
const express = require("express");
const twilio = require("twilio");

const base = "https://ivr.example.com";
const app = express();
app.disable("x-powered-by");
app.use(express.urlencoded({ extended: false }));
app.use(twilio.webhook(process.env.TOKEN, { protocol: "https", host: "ivr.example.com" }));

function menu(response, n) {
  const next = `${base}/menu?n=${n + 1}`;
  const gather = response.gather({ action: next, method: "POST", numDigits: 1, timeout: 5 });
  gather.say({ language: "en-US" }, "For billing press 1. For the other menu press 3.");
  response.redirect({ method: "POST" }, next);
}

app.post("/menu", (request, answer) => {
  const response = new twilio.twiml.VoiceResponse();
  const n = Number(request.query.n ?? 0);
  if (request.body.Digits !== undefined && request.body.Digits !== "3") {
    response.say({ language: "en-US" }, "That is not an option.");
  }
  menu(response, n);
  answer.type("text/xml").send(response.toString());
});

app.post("/wait", (request, answer) => {
  const response = new twilio.twiml.VoiceResponse();
  const n = Number(request.query.n ?? 0);
  response.play(`${base}/music/${n % 8}.wav`);
  response.redirect({ method: "POST" }, `${base}/wait?n=${n + 1}`);
  answer.type("text/xml").send(response.toString());
});

app.listen(Number(process.env.PORT), "127.0.0.1");
