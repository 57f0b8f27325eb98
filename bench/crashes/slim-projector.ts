/**
 * The projector's own parts without its HTTP edge: it starts in a quarter of the time, and a benchmark that kills a thousand
 * of them needs no edge. Told so, it opens a new epoch, or rebuilds one table after the other, or verifies all of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCatalog } from '#libs/catalog';
import { openDuckDb } from '#libs/lake';
import { DriftWatch } from '../../apps/projector/src/operations/drift-watch.js';
import { Operations } from '../../apps/projector/src/operations/operations.js';
import { Projection } from '../../apps/projector/src/projection.js';
import { Projector } from '../../apps/projector/src/projector.js';
import { PostgresSlotSource } from '../../apps/projector/src/sources/postgres-slot.js';
import type { ChangeTransport } from '../../apps/projector/src/transport/change-transport.js';
import { Verification } from '../../apps/projector/src/verification/verification.js';
import type { Verified } from './strike.js';

const { env } = process;
const say = (text: string) => void process.stderr.write(`${text}\n`);
const catalog = await loadCatalog(env['CATALOG_MODULE']!);
const published = { databaseUrl: env['DATABASE_URL']!, publication: env['PUBLICATION']! };
const source = new PostgresSlotSource({
  ...{ ...published, slot: env['REPLICATION_SLOT']!, catalog },
  ...(env['SILENCE'] && { silence: Number(env['SILENCE']), probeInterval: Number(env['SILENCE']) / 4 }),
  interrupted: (error) => say(`interrupted: ${error.message}`),
});
/** What Nest's transport does, by hand. */
const transport: Pick<ChangeTransport, 'start' | 'durable' | 'stop'> = {
  start: (from, receiver, options) =>
    source.start(from, { ...receiver, deliver: (transaction) => projector.accept(transaction) }, options),
  durable: (lsn) => source.durable(lsn),
  stop: () => source.stop(),
};
const duckdb = await openDuckDb();
/** What comes once in minutes comes several times a second, so that a strike seldom waits for it. */
const upkeep = {
  ...{ look: 100, changelog: { files: 12, fileSize: 64 << 20 }, periods: { files: 3, rows: 4_000_000 } },
  cadence: { commits: 15, checkpoints: 1000, merges: 700, cleanings: 800, pause: 200 },
};
const options = {
  upkeep,
  ...{ lake: env['LAKE']!, catalog, spoolFolder: env['SPOOL_FOLDER']! },
  ...{ foldChanges: Number(env['FOLD_CHANGES']), foldAge: Number(env['FOLD_AGE_SECONDS']) * 1000 },
};
/** Milliseconds after which a rebuild that failed is tried again. */
const pause = 100;
const drifts = new DriftWatch(
  new Operations(({ kind, table, error }) => error && say(`${kind} of ${table} failed: ${error.message}`)),
  pause,
);
const failed = (what: string) => (error: Error) => say(`${what}: ${error.message}`);
const projector: Projector = new Projector(transport as ChangeTransport, {
  open: (events) => Projection.open(duckdb, options, events),
  resnapshot: env['RESNAPSHOT'] === 'auto',
  streaming: (projection) => drifts.begin(projection),
  events: {
    ...{ appended: () => {}, folded: () => {}, suspiciousClock: () => say('suspicious clock') },
    ...{ foldFailed: failed('fold failed'), upkeepFailed: failed('upkeep failed') },
  },
  stateChanged: ({ state, error }) => {
    process.send?.({ state });
    if (error) say(`${state}: ${error.message}`);
  },
});
/** In turn, until the process is killed; one that fails is begun anew. */
async function rebuildAll(): Promise<void> {
  for (let i = 0; ; i++) {
    const { table } = catalog.tables[i % catalog.tables.length]!;
    const rebuilt = projector.running?.rebuilds.rebuild(table, () => {}, new AbortController().signal);
    await rebuilt?.catch(failed(`rebuild of ${table} failed`));
    await sleep(50);
  }
}

/** One after the other, until the process is killed: each but the first is compared with a lake that holds it all. */
async function resnapshotAll(): Promise<void> {
  for (;;) {
    await projector.resnapshot();
    await sleep(50);
  }
}

/** One after the other, until the process is killed. */
async function verifyAll(): Promise<void> {
  const options = { source: published, lake: env['LAKE']!, catalog, temporaryFolder: env['SPOOL_FOLDER']! };
  for (;;) {
    const verified = await new Verification(options)
      .run(() => {}, new AbortController().signal)
      .then(
        (report): Verified => ({ equal: report.equal, told: JSON.stringify(report) }),
        (error: Error & { code?: string }) => ({ equal: false, told: error.message, failed: error.code ?? error.name }),
      );
    process.send?.({ verified });
    await sleep(50);
  }
}

process.on('message', (told) => {
  if (told === 'verify') void verifyAll();
  if (told === 'resnapshot') void resnapshotAll();
  if (told === 'rebuild') void rebuildAll();
});
process.once('disconnect', () => process.exit(1));
projector.start();
