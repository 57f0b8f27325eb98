import type { Connector } from '#libs/debezium';
import { connect, disconnect, dropSlot } from '#libs/postgres-replication';

/** Milliseconds for the server to notice that the slot's reader has gone. */
const patience = 30_000;

/**
 * Debezium drops its slot when it stops, but not where its task failed before: with a slot that is there already, the next
 * snapshot is newer than the point at which its stream begins, and what commits between comes twice. So the slot is
 * dropped from here as well.
 */
export const connectorEpochs = (
  connector: Connector,
  { databaseUrl, slot }: { readonly databaseUrl: string; readonly slot: string },
): Pick<Connector, 'end' | 'begin'> => ({
  begin: () => connector.begin(),
  end: async (signal) => {
    await connector.end(signal);
    const client = await connect({ databaseUrl, applicationName: 'connector-epochs' });
    try {
      await dropSlot(client, slot, { patience, signal });
    } finally {
      await disconnect(client);
    }
  },
});
