import { connect, disconnect, dropSlot } from '#libs/postgres-replication';

/** One for each way from Postgres to the projector, so that either can be told from the other. */
export const slots = { postgres: 'migsbyu', kafka: 'migsbyu_kafka' } as const;

/** Milliseconds that a reader of the other way's slot has to let go of it. */
const patience = 5_000;

/** A slot that nobody reads any more would keep the log from being cleaned. Going back to it begins with a snapshot. */
export async function dropOtherSlot(databaseUrl: string, way: keyof typeof slots): Promise<void> {
  const client = await connect({ databaseUrl, applicationName: 'standalone' });
  try {
    const other = way === 'kafka' ? slots.postgres : slots.kafka;
    await dropSlot(client, other, { patience, signal: AbortSignal.timeout(patience) });
  } finally {
    await disconnect(client);
  }
}
