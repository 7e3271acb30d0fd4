// Signs a token for one person with a shared secret (HS256). TOKEN_SECRET is what the server has as `token-secret`.
import { createHmac } from "node:crypto";

function part(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

export function tokenFor(person, secret) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: person.id, name: person.name, iat: now, exp: now + 600 };
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

// In your route: response.json({ token: person ? tokenFor(person, secret) : null })
console.log(tokenFor({ id: "42", name: "Ada" }, process.env.TOKEN_SECRET));
