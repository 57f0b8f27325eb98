/** Debezium's JSON of an hstore as Postgres prints it: keys by length, then by their bytes (contrib/hstore, hstoreUniquePairs). */
export function hstoreText(json: string): string {
  const pairs = Object.entries(JSON.parse(json) as Readonly<Record<string, string | null>>);
  const sorted = pairs.map(([key, value]) => ({ bytes: Buffer.from(key), key, value }));
  sorted.sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes));
  return sorted.map(({ key, value }) => `${quoted(key)}=>${value === null ? 'NULL' : quoted(value)}`).join(', ');
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
