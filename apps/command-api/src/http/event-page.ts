import type { PrismaClient } from '../generated/prisma/client.js';
import { streamEvents } from '../event-store/stream-events.js';
import { reading } from '../reading.js';
import type { EventPage, EventQuery, EventResource } from './event.dto.js';

/** A stream's events in order; null where it never had one. The cursor is the version of the page's last event. */
export async function eventPage(
  database: PrismaClient,
  stream: string,
  { cursor = '0', limit = '50' }: EventQuery,
): Promise<EventPage | null> {
  const most = Number(limit);
  const found = await reading(streamEvents(database, stream, { after: Number(cursor), limit: most + 1 }));
  if (found.length === 0 && !(await exists(database, stream))) return null;
  const data = found.slice(0, most) as EventResource[];
  return { data, page: { next_cursor: found.length > most ? String(data.at(-1)!.version) : null } };
}

const exists = async (database: PrismaClient, stream: string): Promise<boolean> =>
  (await reading(streamEvents(database, stream, { limit: 1 }))).length > 0;
