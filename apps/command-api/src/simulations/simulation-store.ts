/** The table of simulations. A running one belongs to whoever holds its claim; these functions do not ask. */
import { randomInt, randomUUID } from 'node:crypto';
import { utcText } from '../event-store/stored-token.js';
import type { Prisma, PrismaClient } from '../generated/prisma/client.js';
import type { CommandContext } from '../event-store/command.js';
import type { Simulation } from './simulation.js';
import type { SimulationBody, SimulationResource } from './simulation.dto.js';

/** A database or a transaction of it. */
type Database = PrismaClient | Prisma.TransactionClient;

const RESOURCE = `json_build_object('id', id, 'kind', kind, 'state', state, 'done', done, 'total', total, 'seed', seed,
    'rate', rate, 'measured_rate', round(measured_rate::numeric, 3)::float8,
    'eta', CASE WHEN state = 'running' AND measured_rate > 0 THEN
      ${utcText(`(now() + least((total - done) / measured_rate, 1e9) * interval '1 second')`)} END,
    'failure', failure, 'created_at', ${utcText('created_at')}, 'finished_at', ${utcText('finished_at')})::text AS found`;

const ORDER = `json_build_object('id', id, 'kind', kind, 'total', total, 'seed', seed, 'rate', rate, 'today', today,
    'actor', actor, 'correlationId', correlation_id, 'done', done)::text AS found`;

async function query<Found>(database: Database, sql: string, ...values: unknown[]): Promise<Found[]> {
  const rows = await database.$queryRawUnsafe<{ found: string }[]>(sql, ...values);
  return rows.map(({ found }) => JSON.parse(found) as Found);
}

export async function createSimulation(database: Database, body: SimulationBody, context: CommandContext) {
  const { kind, count, seed = randomInt(2 ** 32), rate = null } = body;
  const [created] = await query<SimulationResource>(
    database,
    `INSERT INTO internal.simulations (id, kind, total, seed, rate, actor, correlation_id)
     VALUES ($1::uuid, $2::text, $3::int, $4::bigint, $5::float8, $6::text, $7::text) RETURNING ${RESOURCE}`,
    ...[randomUUID(), kind, count, seed, rate, context.actor, context.correlationId],
  );
  return created!;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export async function readSimulation(database: Database, id: string): Promise<SimulationResource | null> {
  if (!uuid.test(id)) return null;
  const sql = `SELECT ${RESOURCE} FROM internal.simulations WHERE id = $1::uuid`;
  return (await query<SimulationResource>(database, sql, id))[0] ?? null;
}

/** What has ended stays as it is. False: there is no such simulation. */
export async function cancelSimulation(database: Database, id: string): Promise<boolean> {
  if (!uuid.test(id)) return false;
  const found = await database.$executeRaw`
    UPDATE internal.simulations SET state = CASE state WHEN 'running' THEN 'cancelled' ELSE state END,
      finished_at = coalesce(finished_at, now())
    WHERE id = ${id}::uuid`;
  return found === 1;
}

/** Those that somebody must be running, oldest first; or that one, if it is one of them. */
export const runningSimulations = (database: Database, id: string | null = null): Promise<Simulation[]> =>
  query(
    database,
    `SELECT ${ORDER} FROM internal.simulations WHERE state = 'running' AND ($1::uuid IS NULL OR id = $1::uuid)
     ORDER BY created_at`,
    id,
  );

/** Notes how far it is, and for the keys' retention when. False: it is to run no longer. */
export async function noteProgress(database: Database, id: string, done: number, rate: number): Promise<boolean> {
  const [row] = await database.$queryRaw<{ state: string }[]>`
    UPDATE internal.simulations
    SET done = greatest(done, ${done}::int), measured_rate = ${rate}::float8, progressed_at = now()
    WHERE id = ${id}::uuid RETURNING state`;
  return row?.state === 'running';
}

/** Unless it was cancelled meanwhile. */
export async function endSimulation(database: Database, id: string, failure: string | null): Promise<void> {
  await database.$executeRaw`
    UPDATE internal.simulations
    SET state = CASE WHEN ${failure}::text IS NULL THEN 'done' ELSE 'failed' END, failure = ${failure}::text,
      finished_at = now()
    WHERE id = ${id}::uuid AND state = 'running'`;
}
