/** Files of the projector's writer as a reader's plain code sees them, and as DuckDB does. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import fc from 'fast-check';
import type { ChangeEvent } from '#libs/change-event';
import { openDuckDb, parquet } from '#libs/lake';
import { temporaryFolder } from '#libs/test-lake';
import { ChangelogFile } from '../../apps/projector/src/append/changelog-file.js';
import { changesOfFiles, changesOfRelation } from '../../apps/query-api/src/follower/few-changes.js';

const folder = temporaryFolder('few-changes');
let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});

type Change = Omit<ChangeEvent, 'ordinal'> & { readonly actor: string | null; readonly command: string | null };

let files = 0;
const nextPath = () => join(folder, `${++files}.parquet`);

/** `first`: the first one's position. */
async function write(transactions: readonly (readonly Change[])[], first = 1): Promise<string> {
  const start = 1_700_000_000_000_000n;
  const file = new ChangelogFile(first, start);
  let position = first;
  for (const [i, changes] of transactions.entries()) {
    const stamp = { txPosition: position, txId: String(4_294_967_295 - i), commitLsn: 2 ** 40 + i };
    const ordered = changes.map((change, ordinal) => ({ ...change, ordinal }));
    const origin = ({ actor, command }: Change) => ({ actor, command, correlation_id: null });
    await file.add(ordered, { ...stamp, committedAt: start, effectiveAt: start + BigInt(i) }, (of) =>
      origin(of as unknown as Change),
    );
    position += changes.length;
  }
  const path = nextPath();
  writeFileSync(path, await file.finish());
  return path;
}

const byDuckDb = (paths: readonly string[]) => changesOfRelation(duckdb, parquet(paths));

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constantFrom('', '\n', '\0', '💥', '["é"]'));
const change: fc.Arbitrary<Change> = fc.record({
  ...{ table: fc.constantFrom('boats', 'events', 'é'), op: fc.constantFrom('c', 'u', 'd', 't'), key: fc.option(text) },
  ...{ before: fc.option(text), after: fc.option(text) },
  ...{ actor: fc.option(fc.oneof(fc.constantFrom('ann', 'bob'), text)), command: fc.option(text) },
});
/** Some come many times in a row, so that columns of runs are written in each of their ways. */
const transaction = fc
  .array(fc.tuple(change, fc.oneof(fc.constant(1), fc.nat(100))), { minLength: 1, maxLength: 20 })
  .map((all) => all.flatMap(([one, count]) => Array.from({ length: count + 1 }, () => one)));

const boat = (id: number, after: string): Change => ({
  ...{ table: 'boats', op: 'u', key: `["${id}"]`, before: after, after, actor: `actor ${id}`, command: null },
});

describe('changes of small files', () => {
  it('are those that DuckDB reads, whatever was written', async () => {
    const property = fc.asyncProperty(fc.array(transaction, { minLength: 1, maxLength: 6 }), async (all) => {
      const paths = [await write(all), await write(all.slice(0, 1), 2 ** 45)];
      expect(changesOfFiles(paths)).toEqual(await byDuckDb(paths));
    });
    await fc.assert(property, { numRuns: Number(process.env.RUNS ?? 25) });
  });

  it('are those that DuckDB reads where columns are compressed, and a dictionary has many values', async () => {
    const many = Array.from({ length: 700 }, (_, i) => boat(i, `{"id":"${i}","name":"${'é'.repeat(60)}"}`));
    const paths = [await write([[...many, ...many].sort((a, b) => (a.key! < b.key! ? -1 : 1))])];
    expect(readFileSync(paths[0]!).includes('"name"')).toBe(false);
    expect(changesOfFiles(paths)).toEqual(await byDuckDb(paths));
  });

  it('are left to DuckDB where the file is missing, torn, or written by others', async () => {
    const path = await write([[boat(1, '{}'), boat(2, '{"a":"b"}')]]);
    expect(changesOfFiles([path])).toHaveLength(2);
    expect(changesOfFiles([path, nextPath()])).toBeNull();
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length += 7) {
      const torn = nextPath();
      writeFileSync(torn, whole.subarray(0, length));
      expect(changesOfFiles([torn])).toBeNull();
    }
    const damaged = nextPath();
    whole.writeUInt32LE(60_000, whole.lastIndexOf('{"a":"b"}') - 4); // the length of that text
    writeFileSync(damaged, whole);
    expect(changesOfFiles([damaged])).toBeNull();
    const merged = nextPath();
    await duckdb.run(`COPY (SELECT * FROM ${parquet([path])}) TO '${merged}' (FORMAT parquet)`);
    expect(changesOfFiles([merged])).toBeNull();
    expect(await byDuckDb([merged])).toHaveLength(2);
  });
});
