/**
 * Transactions of 100 rows by direct SQL over several connections, as fast as they go: 70 updates, 20 inserts, 10 deletes.
 * Each connection has students of its own, so none waits for another's locks.
 */
import pg from 'pg';
import { serveLoad } from './load-process.js';
import { idOf, insertion } from './students.js';

export interface MixOptions {
  readonly databaseUrl: string;
  readonly connections: number;
  /** Transactions of all connections together. */
  readonly transactions: number;
  /** Students `first` … first + students − 1 exist, and none above. Default: from 0 on. */
  readonly first?: number;
  readonly students: number;
}

export interface MixResult {
  readonly changes: number;
  readonly seconds: number;
}

const [updates, inserts, deletes] = [70, 20, 10];

class Share {
  private readonly living: number[] = [];
  private next: number;

  constructor(
    index: number,
    private readonly step: number,
    { first = 0, students }: MixOptions,
  ) {
    for (let n = first + index; n < first + students; n += step) this.living.push(n);
    this.next = (this.living.at(-1) ?? first + index - step) + step;
  }

  transaction(): string {
    const changed = this.some(updates);
    const died = Array.from({ length: deletes }, () => this.dies());
    const born = Array.from({ length: inserts }, () => this.born());
    return `BEGIN;
      UPDATE students SET gpa = mod(coalesce(gpa, 0) + 0.01, 4), version = version + 1 WHERE id IN (${ids(changed)});
      ${insertion(`unnest(ARRAY[${born.join()}])`)};
      DELETE FROM students WHERE id IN (${ids(died)});
      COMMIT`;
  }

  /** Different ones among the living. */
  private some(count: number): number[] {
    const chosen = new Set<number>();
    while (chosen.size < count) chosen.add(this.living[Math.floor(Math.random() * this.living.length)]!);
    return [...chosen];
  }

  private dies(): number {
    const at = Math.floor(Math.random() * this.living.length);
    const n = this.living[at]!;
    const last = this.living.pop()!;
    if (at < this.living.length) this.living[at] = last;
    return n;
  }

  private born(): number {
    const n = this.next;
    this.next += this.step;
    this.living.push(n);
    return n;
  }
}

const ids = (numbers: readonly number[]) => numbers.map((n) => `'${idOf(n)}'`).join();

await serveLoad(async (options: MixOptions, begun): Promise<MixResult> => {
  const { databaseUrl, connections, transactions } = options;
  const clients = Array.from({ length: connections }, () => new pg.Client({ connectionString: databaseUrl }));
  await Promise.all(clients.map((client) => client.connect()));
  const shares = clients.map((_, index) => new Share(index, connections, options));
  begun();
  const started = performance.now();
  let sent = 0;
  const worker = async (client: pg.Client, share: Share) => {
    while (sent++ < transactions) await client.query(share.transaction());
  };
  await Promise.all(clients.map((client, index) => worker(client, shares[index]!)));
  const seconds = (performance.now() - started) / 1000;
  await Promise.all(clients.map((client) => client.end()));
  return { changes: transactions * (updates + inserts + deletes), seconds };
});
