// Signs requests for jambonz and Twilio by their own Node SDKs: see sign.py.
//
//     npm install @jambonz/node-client twilio
//     NODE_PATH=node_modules node tests/live/providers/sign.cjs < requests.json
const crypto = require("crypto");
const fs = require("fs");
const { WebhookResponse } = require("@jambonz/node-client");
const twilio = require("twilio");

const signers = {
  twilio: ({ secret, url, body }) => ({
    "X-Twilio-Signature": twilio.getExpectedTwilioSignature(
      secret,
      url,
      Object.fromEntries(new URLSearchParams(body)),
    ),
  }),
  jambonz: ({ secret, body }) => {
    const stamp = Math.floor(Date.now() / 1000);
    const v1 = crypto.createHmac("sha256", secret).update(`${stamp}.${body}`).digest("hex");
    const header = `t=${stamp},v1=${v1}`;
    // Their SDK checks only: it throws where it does not take what was signed here.
    const check = WebhookResponse.verifyJambonzSignature(secret);
    check({ get: () => header, body: Buffer.from(body) }, {}, () => {});
    return { "Jambonz-Signature": header };
  },
};

const wanted = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(wanted.map((one) => signers[one.provider](one))));
