/** A lake of composite keys and of every catalog type, with values from the edges of each. */
import { join } from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import type { ChangeEvent, Transaction } from '#libs/change-event';
import { epochOf, transaction, type ChangeOf } from '#libs/test-lake';
import { Projection } from '../../apps/projector/src/projection.js';
import { catalog } from '../other-catalog/estate.js';

type Texts = Readonly<Record<string, string | null>>;

const never = 1e9;
const ignore = () => {};

/** So that the changelog says who did what, in all scripts. */
const events = { table: 'happenings', key: ['stream_id', 'version'] };

function event(number: number): ChangeOf {
  const stream_id = 'buildings:Süd/%2F/-2147483648';
  const metadata = {
    actor: 'Zoë 💥',
    command: 'Ändere\n"alles"',
    correlation_id: number % 2 === 0 ? null : `c-${number}`,
  };
  const row = { stream_id, version: String(number), metadata: JSON.stringify(metadata) };
  return { table: events.table, op: 'c', key: JSON.stringify([stream_id, row.version]), after: row };
}

function change(name: string, op: ChangeEvent['op'], row: Texts): ChangeOf {
  const table = catalog.tables.find((one) => one.table === name)!;
  const key = JSON.stringify(table.key.map((column) => row[column]));
  return op === 'd' ? { table: name, op, key } : { table: name, op, key, after: row };
}

const building = (campus: string, number: string, rest: Texts, op: ChangeEvent['op'] = 'u') =>
  change('buildings', op, { campus, number, ...rest });

const least = {
  ...{ name: '', height: '-9999.99', worth: '-9999999999999999.9999', opened: '0001-01-01' },
  ...{ surveyed: '0001-01-01 00:00:00+00', listed: 'f', steps: '-9223372036854775808', order: '-32768', plans: '' },
};
const greatest = {
  ...{ name: 'ＡﬀÅ 💥 "\'\\\n\t', height: '9999.99', worth: '9999999999999999.9999', opened: '9999-12-31' },
  ...{ surveyed: '9999-12-31 23:59:59.999999+00', listed: 't', steps: '9223372036854775807', order: '32767' },
  plans: 'x'.repeat(100_000),
};
const nothing = {
  ...{ name: null, height: null, worth: null, opened: null, surveyed: null },
  ...{ listed: null, steps: null, order: null, plans: null },
};

const occupancy = (firm: string, since: string, rent: string | null): ChangeOf =>
  change('occupancies', 'u', { firm, campus: 'Süd/%2F', number: '-2147483648', since, rent });

const warden = (name: string, by_night: string, op: ChangeEvent['op'] = 'u'): ChangeOf =>
  change('wardens', op, { campus: 'Süd/%2F', number: '2147483647', warden_name: name, by_night });

const year = (of: number, second: number): bigint => BigInt(Date.UTC(of, 5) + second * 1000) * 1000n;

const rows = [
  building('Süd/%2F', '-2147483648', least),
  building('', '2147483647', greatest),
  building(' ', '0', nothing),
  occupancy('Acme', '0001-01-01 00:00:00+00', '0.01'),
  occupancy('Acme', '1969-12-31 23:59:59.999999+00', null),
  warden('Ada', 'f'),
  warden('Ada', 't'),
];

/** So that every version of a building but the last is closed, in two years; one state does not type. */
const changes = (number: number): ChangeOf[] => [
  building('Süd/%2F', '-2147483648', number % 2 === 0 ? least : nothing),
  building('', '2147483647', number % 2 === 0 ? greatest : { ...greatest, opened: '2000-02-29' }),
  building(' ', '0', number === 3 ? { ...nothing, height: 'NaN' } : { ...nothing, steps: String(number) }),
  ...(number === 2 ? [warden('Ada', 't', 'd')] : []),
  occupancy('Acme', '0001-01-01 00:00:00+00', `${number}.10`),
  ...(number % 3 === 0 ? [] : [event(number)]),
];

export class EstateLake {
  private number = 0;

  constructor(
    readonly folder: string,
    private readonly duckdb: DuckDBInstance,
  ) {}

  readonly tables: readonly Table[] = catalog.tables;

  /** A snapshot of the first rows. */
  async begin(): Promise<void> {
    const read = rows.map((row) => ({ ...row, op: 'r' as const }));
    const truncates = catalog.tables.map(({ table }) => ({ table, op: 't' as const, key: null }));
    await this.write([transaction(1, [...truncates, ...read], { opens: epochOf('0/1'), committedAt: year(2022, 0) })]);
  }

  /** So many transactions, each in a file and a fold of its own. */
  async change(times: number): Promise<void> {
    await this.write(
      Array.from({ length: times }, () => {
        const number = ++this.number;
        return transaction(number + 1, changes(number), { committedAt: year(number < 5 ? 2022 : 2023, number) });
      }),
    );
  }

  /** All versions of a table anew, in one commit. */
  async rebuild(table: string): Promise<void> {
    await this.running((projection) => projection.rebuilds.rebuild(table, ignore, new AbortController().signal));
  }

  private async write(transactions: readonly Transaction[]): Promise<void> {
    await this.running(async (projection) => {
      for (const one of transactions) {
        await projection.accept(one);
        await projection.appender.settled();
        await projection.folding.foldNow();
      }
    });
  }

  private async running(work: (projection: Projection) => Promise<unknown>): Promise<void> {
    const failures: Error[] = [];
    const failed = (error: Error) => void failures.push(error);
    const projection = await Projection.open(
      this.duckdb,
      {
        lake: this.folder,
        catalog: { ...catalog, events },
        spoolFolder: join(this.folder, 'spool'),
        foldChanges: never,
        foldAge: never,
      },
      { appended: ignore, folded: ignore, foldFailed: failed, upkeepFailed: failed, suspiciousClock: ignore, failed },
    );
    try {
      await work(projection);
    } finally {
      await projection.close();
    }
    if (failures.length > 0) throw failures[0]!;
  }
}
