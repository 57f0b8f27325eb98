/**
 * Whether a slot is still the one that the lake stands in.
 *
 * A slot made anew under the same name would skip whatever committed while there was none. It is told from the old one by
 * where it was created: Postgres keeps that for the slot's life (`createSlot` sees to it), and it is the consistent point of
 * the first epoch that stands in it. Older than 18, Postgres keeps it but does not show it; there the rule below stands alone.
 *
 * A slot that is confirmed further than it was acknowledged for this lake was moved on by somebody else, or the lake is an
 * older copy of itself: what lies between is lost. This rule is sound for any slot, recreated or not: one that is confirmed
 * no further still holds everything that the lake lacks. What was acknowledged is known while this process runs; at its
 * start it is what the lake knows: its last commit, or the progress that it kept.
 */
import { formatLsn, parseLsn, type Lsn, type SourceEpoch } from '#libs/change-event';
import { readSlot, type ServerIdentity, type Slot } from '#libs/postgres-replication';
import type pg from 'pg';
import { SourceChanged } from './change-source.js';
import type { SlotSettings } from './slot-options.js';

export interface Standing {
  readonly epoch: SourceEpoch;
  readonly positions: {
    /** End of the last transaction that was taken. */
    readonly accepted: Lsn;
    /** Up to where the slot may have been acknowledged; null if that is not known. */
    readonly acknowledged: Lsn | null;
  };
}

export function newEpoch(
  server: ServerIdentity,
  { slot, keys }: Pick<SlotSettings, 'slot' | 'keys'>,
  consistentPoint: string,
  /** Of the slot that stays, where one does. */
  identity = identityOf(server, slot, parseLsn(consistentPoint)),
): SourceEpoch {
  return {
    system_identifier: server.systemIdentifier,
    timeline: server.timeline,
    database: server.database,
    adapter: 'postgres',
    identity,
    consistent_point: consistentPoint,
    tables: [...keys.keys()].sort(),
  };
}

/** Database, slot, and where the slot was created: `16384/migsbyu@0/16B3748`. */
const identityOf = (server: ServerIdentity, slot: string, createdAt: Lsn): string =>
  `${server.databaseOid}/${slot}@${formatLsn(createdAt)}`;

/** The slot as it stands. @throws SourceChanged */
export async function checkEpoch(
  client: pg.Client,
  server: ServerIdentity,
  name: string,
  standing: Standing,
): Promise<Slot> {
  checkServer(server, standing);
  const slot = await readSlot(client, name);
  if (!slot) throw new SourceChanged('slot-missing', `Replication slot ${name} does not exist.`);
  checkSlot(slot, name, server, standing);
  return slot;
}

function checkServer(server: ServerIdentity, { epoch, positions: { accepted } }: Standing): void {
  if (epoch.adapter !== 'postgres')
    throw new SourceChanged('adapter-changed', `The lake was filled by the ${epoch.adapter} adapter, not from a slot.`);
  refuseOtherDatabase(server, epoch);
  if (server.flushed < accepted)
    throw new SourceChanged(
      'position-lost',
      `The server's log ends at ${formatLsn(server.flushed)}, before the lake's last transaction at ${formatLsn(accepted)}: it was restored.`,
    );
}

/** Whichever adapter the epoch is of. @throws SourceChanged */
export function refuseOtherDatabase(server: ServerIdentity, epoch: SourceEpoch): void {
  if (server.systemIdentifier !== epoch.system_identifier)
    throw new SourceChanged(
      'system-replaced',
      `The database cluster is ${server.systemIdentifier}, the lake's source was ${epoch.system_identifier}.`,
    );
  if (server.timeline !== epoch.timeline)
    throw new SourceChanged(
      'timeline-changed',
      `The server is on timeline ${server.timeline}, the lake's source was on ${epoch.timeline}: it was promoted or restored.`,
    );
  // only a slot's identity says which
  const isOfAnotherOid = epoch.adapter === 'postgres' && server.databaseOid !== epoch.identity.split('/')[0];
  if (server.database !== epoch.database || isOfAnotherOid)
    throw new SourceChanged(
      'database-replaced',
      `Database ${server.database} (oid ${server.databaseOid}) is not the one that the lake was filled from (${epoch.identity}).`,
    );
}

function checkSlot(slot: Slot, name: string, server: ServerIdentity, standing: Standing): void {
  const { epoch } = standing;
  const { acknowledged } = standing.positions;
  const created = slot.createdAt === undefined ? parseLsn(epoch.identity.split('@').at(-1)!) : slot.createdAt;
  const same = created !== null && identityOf(server, name, created) === epoch.identity;
  if (!same || slot.plugin !== 'pgoutput' || slot.database !== server.database)
    throw new SourceChanged(
      'slot-replaced',
      `Replication slot ${name} is not the one that the lake was filled from (${epoch.identity}).`,
    );
  if (slot.invalidation !== null || slot.confirmed === null)
    throw new SourceChanged(
      'slot-invalidated',
      `The server has given replication slot ${name} up (${slot.invalidation ?? 'it has no position'}).`,
    );
  if (acknowledged !== null && slot.confirmed > acknowledged)
    throw new SourceChanged(
      'position-lost',
      `Replication slot ${name} was moved on to ${formatLsn(slot.confirmed)} without this lake, which has everything up to ${formatLsn(acknowledged)}.`,
    );
}
