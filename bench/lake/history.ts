/**
 * A history that nobody has lived, as SQL: `versions / keys` rounds, in each of which every student changes once, in an
 * order of its own. From a key and a round follow position, times and values, and from a position key and round, so that
 * every file of a lake can be written at once, without the changes that would have made it.
 */
import { surrogateKey, type Table } from '#libs/catalog';
import { formatLsn, type SourceEpoch } from '#libs/change-event';

/** Changes of one transaction. */
export const transactionSize = 100;

const years = 5;
const microseconds = years * 365.25 * 86_400e6;
/** 2021-07-01, in microseconds since 1970. */
const start = 1_625_097_600_000_000;

/** Prime, and no divisor of any number of keys that is a round number in decimal. */
const stride = 611_953;

export class History {
  readonly rounds: number;
  private readonly shift: number;
  private readonly inverse: number;
  private readonly step: number;

  constructor(
    readonly table: Table,
    readonly keys: number,
    readonly versions: number,
  ) {
    this.rounds = versions / keys;
    this.shift = Math.floor(keys * 0.38);
    this.inverse = inverseOf(stride, keys);
    this.step = Math.floor(microseconds / versions);
  }

  get effectiveAt(): number {
    return this.time(this.versions - transactionSize + 1);
  }

  /** Microseconds since 1970, of a transaction. */
  time(tx: number): number {
    return start + tx * this.step;
  }

  /** The transaction that a position is of. */
  txOf(position: number): number {
    return Math.floor((position - 1) / transactionSize) * transactionSize + 1;
  }

  /** A transaction's last position, at some share of the history. */
  cutAt(share: number): number {
    return Math.max(1, Math.floor((this.versions * share) / transactionSize)) * transactionSize;
  }

  epoch(captured: Iterable<string>): SourceEpoch {
    return {
      ...{ system_identifier: '1', timeline: 1, database: 'made-up', adapter: 'postgres', identity: 'bench' },
      ...{ consistent_point: formatLsn(1), tables: [...captured].sort() },
    };
  }

  /** Version rows of the keys in [from, to): those that are open, or all; by key and time. */
  versionsOf(from: number, to: number, which: 'open' | 'all'): string {
    const { rounds } = this;
    const rows =
      which === 'open'
        ? `SELECT range AS k, ${rounds - 1} AS r FROM range(${from}, ${to})`
        : `SELECT range // ${rounds} AS k, range % ${rounds} AS r FROM range(${from * rounds}, ${to * rounds})`;
    return this.versionRows(rows);
  }

  /** Version rows that ended at a position in [from, to). */
  closedBetween(from: number, to: number): string {
    return this.versionRows(`SELECT k, r - 1 AS r FROM (${this.changed(from, to)}) WHERE r > 0`);
  }

  /** Rows of the changelog at the positions in [from, to); rows' texts only where they are asked for. */
  changes(from: number, to: number, texts: boolean): string {
    const row = (round: string) =>
      texts
        ? `to_json(struct_pack(${Object.entries(this.values('k', round))
            .map(([name, value]) => `"${name}" := (${value})::VARCHAR`)
            .join(', ')}, version := (${round} + 1)::VARCHAR))::VARCHAR`
        : 'NULL::VARCHAR';
    return `SELECT p AS position, ${txOf('p')} AS tx_position, ${txOf('p')} AS commit_lsn, (p - 1) % ${transactionSize} AS ordinal,
      (${txOf('p')})::VARCHAR AS tx_id, ${this.timeOf(txOf('p'))} AS committed_at, ${this.timeOf(txOf('p'))} AS effective_at,
      '${this.table.table}' AS "table", CASE WHEN r = 0 THEN 'c' ELSE 'u' END AS op, '["' || ${keySql('k')} || '"]' AS key,
      CASE WHEN r > 0 THEN ${row('(r - 1)')} END AS before, ${row('r')} AS after,
      NULL::VARCHAR AS actor, NULL::VARCHAR AS command, NULL::VARCHAR AS correlation_id
    FROM (${this.changed(from, to)})`;
  }

  /** Column → canonical text of a key's state, as a source would send it after a change; `change` is a number of its own. */
  stateAfter(key: number, change: number): Record<string, string> {
    return {
      ...{ id: keyOf(key), first_name: `First ${key % 997}`, last_name: `Last ${key % 4999}`, gender: 'female' },
      ...{ address: `${change} Other Street, Springfield, IL 62704`, date_of_birth: '1998-01-01', major: 'Physics' },
      ...{
        year_of_study: String(1 + (key % 6)),
        gpa: ((change % 401) / 100).toFixed(2),
        enrollment_status: 'full-time',
      },
      version: String(change),
    };
  }

  private changed(from: number, to: number): string {
    const { keys, shift, inverse } = this;
    const place = `((p - 1) % ${keys} - r * ${shift}) % ${keys}`;
    return `SELECT p, r, (${place} + ${keys}) % ${keys} * ${inverse} % ${keys} AS k
      FROM (SELECT range AS p, (range - 1) // ${keys} AS r FROM range(${from}, ${to}))`;
  }

  private position(k: string, r: string): string {
    return `((${r}) * ${this.keys} + (${k} * ${stride} + (${r}) * ${this.shift}) % ${this.keys} + 1)`;
  }

  private timeOf(tx: string): string {
    return `make_timestamptz(${start} + (${tx}) * ${this.step})`;
  }

  private versionRows(keysAndRounds: string): string {
    const columns = this.table.columns.map(({ name }) => `${this.values('k', 'r')[name]} AS "${name}"`);
    return `SELECT p AS ${surrogateKey(this.table)}, ${columns.join(', ')}, ${this.timeOf(txOf('p'))} AS valid_from,
      CASE WHEN n IS NOT NULL THEN ${this.timeOf(txOf('n'))} END AS valid_to, ${txOf('p')} AS opened_tx,
      CASE WHEN n IS NOT NULL THEN ${txOf('n')} END AS closed_tx, NULL::VARCHAR AS actor, NULL::VARCHAR AS command
    FROM (SELECT k, r, ${this.position('k', 'r')} AS p,
            CASE WHEN r + 1 < ${this.rounds} THEN ${this.position('k', 'r + 1')} END AS n FROM (${keysAndRounds}))`;
  }

  private values(k: string, r: string): Record<string, string> {
    return {
      id: keySql(k),
      first_name: `'First ' || ${k} % 997`,
      last_name: `'Last ' || ${k} % 4999`,
      gender: `(['female', 'male', 'non-binary', NULL])[1 + ${k} % 4]`,
      address: `(${k} + ${r}) % 9999 || ' Example Street, Springfield, IL 62704'`,
      date_of_birth: `date '1998-01-01' + (${k} % 2500)::INTEGER`,
      major: `(['Biology', 'Physics', 'History', 'Mathematics', NULL])[1 + (${k} + ${r}) % 5]`,
      year_of_study: `(1 + ${k} % 6)::SMALLINT`,
      gpa: `(((${k} + ${r}) % 401) / 100)::DECIMAL(3, 2)`,
      enrollment_status: `(['full-time', 'part-time'])[1 + ${k} % 2]`,
    };
  }
}

export const keyOf = (key: number): string => key.toString(16).toUpperCase().padStart(10, '0');
const keySql = (k: string) => `lpad(upper(to_hex(${k})), 10, '0')`;
const txOf = (position: string) => `((${position} - 1) // ${transactionSize} * ${transactionSize} + 1)`;

/** The number with which `stride` multiplies to 1 modulo `modulus`. */
function inverseOf(number: number, modulus: number): number {
  let [a, b, x, y] = [number % modulus, modulus, 1, 0];
  while (a > 1) [a, b, x, y] = [b % a, a, y - Math.floor(b / a) * x, x];
  if (a !== 1) throw new RangeError(`${modulus} keys: that number has a divisor in common with ${number}.`);
  return (x + modulus) % modulus;
}
