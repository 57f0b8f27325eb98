import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ChangeEvent, Row, Transaction } from '#libs/change-event';
import { temporaryFolder, transaction, type ChangeOf } from '#libs/test-lake';
import { stage, type StagedTransaction } from './staged-transaction.js';

const folder = temporaryFolder('staged');
const note = (id: string, body: string | null): ChangeOf => ({
  ...{ table: 'notes', op: 'u', key: JSON.stringify([id]) },
  ...{ before: { id, body: null }, after: { id, body } },
});
const notes = (count: number, body = 'x'.repeat(100)) =>
  Array.from({ length: count }, (_, i) => note(String(i), `${i} ${body}`));

let spoolFolder: string;
let count = 0;
beforeEach(() => {
  spoolFolder = join(folder, String(++count));
});

const staged = (tx: Transaction, memoryBudget: number) =>
  stage(tx, { eventTable: undefined, memoryBudget, spoolFolder });
const bodies = async ({ chunks }: StagedTransaction) => {
  const found: unknown[] = [];
  for await (const chunk of chunks())
    for (const { ordinal, after } of chunk) found.push([ordinal, (JSON.parse(after!) as Row).body]);
  return found;
};
/** Spool files that this process holds open: they have no name any more. */
const openSpools = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(spoolFolder);
    } catch {
      return false; // the descriptor that lists the folder
    }
  }).length;
const spoolFiles = () => {
  try {
    return readdirSync(spoolFolder);
  } catch {
    return [];
  }
};

/** A source that breaks off after some chunks. */
function brokenOff(changes: readonly ChangeOf[]): Transaction {
  const error = new Error('cut off');
  const whole = transaction(100, changes, { chunk: 3 });
  const chunks = async function* (): AsyncGenerator<readonly ChangeEvent[]> {
    yield* whole.changes;
    throw error;
  };
  const end = Promise.reject(error);
  end.catch(() => {});
  return { ...whole, changes: chunks(), end };
}

describe('a transaction that is taken in', () => {
  it('makes no file while it fits the memory budget', async () => {
    const it = await staged(transaction(100, notes(10)), 1e6);
    expect({ count: it.count, files: spoolFiles(), open: openSpools() }).toEqual({ count: 10, files: [], open: 0 });
    expect(it.size).toBeGreaterThan(10 * 100);
    expect(await bodies(it)).toHaveLength(10);
  });

  it.each([1, 500, 2000, 1e9])('comes out equal and in order beyond a budget of %d characters', async (budget) => {
    const changes = notes(40);
    const it = await staged(transaction(100, changes, { chunk: 3 }), budget);
    expect(it.count).toBe(40);
    const expected = changes.map(({ after }, i) => [i, after!.body]);
    expect([await bodies(it), await bodies(it)]).toEqual([expected, expected]);
    await it.discard();
    expect({ files: spoolFiles(), open: openSpools() }).toEqual({ files: [], open: 0 });
  });

  it.each(['\u2028', '\u2029', '\r', '\n', '\r\n', '\u0085', '\ufeff', '💥', '"\\', ''])(
    'keeps %j in a text through the file',
    async (character) => {
      const changes = [note('1', `a${character}b`), note('2', character), note(`3${character}`, null)];
      const it = await staged(transaction(100, changes, { chunk: 1 }), 1);
      expect(await bodies(it)).toEqual(changes.map(({ after }, i) => [i, after!.body]));
      await it.discard();
    },
  );

  it('counts what is in memory alone: a spooled one takes no room from others', async () => {
    const it = await staged(transaction(100, notes(30), { chunk: 3 }), 1000);
    expect(it.size).toBeLessThanOrEqual(1000);
    await it.discard();
  });

  it('shows no file to others while it waits, and none is open after it was discarded', async () => {
    const it = await staged(transaction(100, notes(30), { chunk: 3 }), 1000);
    expect({ files: spoolFiles(), open: openSpools() }).toEqual({ files: [], open: 1 });
    await it.discard();
    expect(openSpools()).toBe(0);
    await it.discard(); // twice is as good
  });

  it('knows each stream’s origin although the events disagree and lie in the file', async () => {
    const event = (stream: string, actor: string): ChangeOf => ({
      ...{ table: 'events', op: 'c', key: JSON.stringify([stream, '1']) },
      after: { stream_id: stream, metadata: JSON.stringify({ actor }) },
    });
    const changes = [event('notes:1', 'ann'), note('1', 'a'), event('notes:2', 'bob'), note('2', 'b'), note('3', 'c')];
    const staging = { eventTable: 'events', memoryBudget: 1, spoolFolder };
    const it = await stage(transaction(100, changes, { chunk: 1 }), staging);
    const origin = await it.attribution();
    expect(changes.map((change) => origin(change).actor)).toEqual(['ann', 'ann', 'bob', 'bob', null]);
    await it.discard();
  });

  it.each([1000, 1e9])(
    'fails with the error of a source that breaks off, and keeps nothing (budget %d)',
    async (budget) => {
      await expect(staged(brokenOff(notes(30)), budget)).rejects.toThrow('cut off');
      expect({ files: spoolFiles(), open: openSpools() }).toEqual({ files: [], open: 0 });
    },
  );

  it('fails, and keeps nothing, when its commit is never known', async () => {
    const lost = Promise.reject<never>(new Error('no commit'));
    lost.catch(() => {});
    await expect(staged({ ...transaction(100, notes(30), { chunk: 3 }), end: lost }, 1000)).rejects.toThrow(
      'no commit',
    );
    expect(openSpools()).toBe(0);
  });
});
