// Signs a token with a private key (EdDSA). The server has the public half: token-keys = ["EdDSA:public.pem"].
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";

function part(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

export function tokenFor(person, key) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: person.id, name: person.name, iat: now, exp: now + 600 };
  const text = `${part({ alg: "EdDSA", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
}

const key = createPrivateKey(readFileSync(process.env.TOKEN_KEY));
console.log(tokenFor({ id: "42", name: "Ada" }, key));
