// Amounts are whole cents, so that sums are exact.
export function inEuros(cents: number): string {
  return `€${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
}
