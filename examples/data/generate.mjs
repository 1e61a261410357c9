// Makes transactions.jsonl: synthetic transactions, drawn from a seeded generator. No real person,
// account or payment is in it. Shape: amounts are log-normal (median about 45.00, in cents), a few
// users are far more active than most (Zipf), one in 25 is abroad, the hours follow a working day, and
// twelve users have a burst of large payments from abroad at night, which is what the monitor must find.
//
//   node examples/data/generate.mjs > examples/data/transactions.jsonl

let state = 0x2545f491;
function random() {
  // xorshift32
  state ^= state << 13; state >>>= 0;
  state ^= state >>> 17;
  state ^= state << 5; state >>>= 0;
  return state / 0x100000000;
}
const pick = list => list[Math.floor(random() * list.length)];
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

const USERS = 800, COUNT = 10_000;
const countries = ["DE", "DE", "DE", "FR", "FR", "GB", "GB", "ES", "IT", "NL", "PL", "SE"];
const merchants = ["grocer", "transit", "rent", "energy", "books", "travel", "pharmacy", "cafe", "electronics"];
const users = Array.from({ length: USERS }, (_, i) => ({
  id: `user-${String(i + 1).padStart(3, "0")}`, home: pick(countries),
}));
const weights = users.map((_, i) => 1 / Math.pow(i + 1, 0.8));
const total = weights.reduce((a, b) => a + b, 0);
function zipf() {
  let at = random() * total;
  for (let i = 0; i < USERS; i++) if ((at -= weights[i]) <= 0) return users[i];
  return users[USERS - 1];
}
const hours = [1, 1, 1, 1, 1, 2, 4, 7, 9, 9, 8, 9, 10, 9, 8, 8, 9, 10, 9, 7, 5, 4, 3, 2];
const hourTotal = hours.reduce((a, b) => a + b, 0);
function hour() {
  let at = random() * hourTotal;
  for (let h = 0; h < 24; h++) if ((at -= hours[h]) <= 0) return h;
  return 23;
}

const start = Date.UTC(2026, 2, 2), rows = [];
for (let i = 0; i < COUNT - 12 * 5; i++) {
  const user = zipf();
  const to = zipf();
  rows.push({
    at: start + Math.floor(random() * 5) * 86_400_000 + hour() * 3_600_000 + Math.floor(random() * 3_600_000),
    user, to: to === user ? users[(users.indexOf(user) + 1) % USERS] : to,
    amount: Math.max(50, Math.round(Math.exp(Math.log(4500) + normal() * 1.25))),
    country: random() < 0.04 ? pick(countries) : user.home, merchant: pick(merchants),
  });
}
for (let burst = 0; burst < 12; burst++) {
  const user = users[Math.floor(random() * USERS)];
  const at = start + Math.floor(random() * 5) * 86_400_000 + 2 * 3_600_000;
  for (let i = 0; i < 5; i++) rows.push({
    at: at + i * 240_000, user, to: pick(users.filter(u => u !== user)),
    amount: 300_000 + Math.floor(random() * 900_000),
    country: user.home === "SE" ? "ES" : "SE", merchant: "electronics",
  });
}
rows.sort((a, b) => a.at - b.at);
rows.forEach((r, i) => console.log(JSON.stringify({
  type: "NEW_TRANSACTION", id: `tx-${String(i + 1).padStart(5, "0")}`, userId: r.user.id, to: r.to.id,
  amount: r.amount, country: r.country, home: r.user.home, merchant: r.merchant,
  at: new Date(r.at).toISOString(),
})));
