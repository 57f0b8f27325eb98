/**
 * What a failed statement means to the event store. Postgres' DETAIL and the messages of bad values hold whole rows, so
 * nothing of them goes on: what is thrown from here names a SQLSTATE and a constraint.
 */
import { Rejection } from '../rejection.js';

/** A projected row is not what its stream says: somebody changed it past the API. `verify` names all of them. */
export class RowOutOfStep extends Error {
  readonly code = 'row-out-of-step';
  constructor(readonly stream: string) {
    super(`The row of ${stream} is missing, or has another version than its stream. Nothing was changed.`);
    this.name = 'RowOutOfStep';
  }
}

/** The statement could not be carried out, and would not be if it came again: a defect. Nothing was changed. */
export class StatementFailed extends Error {
  readonly code = 'statement-failed';
  constructor(
    readonly sqlState: string,
    readonly constraint: string | undefined,
    detail: string,
  ) {
    super(`The statement failed with SQLSTATE ${sqlState}${constraint ? ` (${constraint})` : ''}${detail}.`);
    this.name = 'StatementFailed';
  }
}

/** The connection failed, so whether the statement took effect is not known. */
export class ConnectionLost extends Error {
  readonly code = 'connection-lost';
  constructor(readonly reason: string) {
    super(`The connection to Postgres failed (${reason}).`);
    this.name = 'ConnectionLost';
  }
}

/** Another transaction held what this one wants for longer than the connection's lock_timeout. Nothing was changed. */
export class LockTimeout extends Error {
  readonly code = 'lock-timeout';
  constructor() {
    super('Another transaction holds what this one wants.');
    this.name = 'LockTimeout';
  }
}

export interface SqlError {
  readonly sqlState: string;
  readonly constraint?: string;
  readonly message: string;
}

/** The parts of @prisma/driver-adapter-utils' error that are read here. */
interface DriverError {
  readonly kind?: string;
  readonly originalCode?: string;
  readonly originalMessage?: string;
  readonly constraint?: { readonly index?: string };
}

/** @throws ConnectionLost where it was not the statement that failed; the error itself where it is not the database's. */
export function sqlErrorOf(error: unknown): SqlError {
  const driver = driverErrorOf(error);
  if (!driver) {
    // pg's own words for a socket that closed under a statement carry no code
    if (error instanceof Error && /connection|socket|ECONN|EPIPE/i.test(error.message))
      throw new ConnectionLost(error.name);
    throw error;
  }
  const sqlState = driver.originalCode;
  if (sqlState === undefined || isOfConnection(sqlState))
    throw new ConnectionLost(sqlState ?? driver.kind ?? 'unknown');
  return { sqlState, constraint: constraintOf(driver), message: driver.originalMessage ?? '' };
}

/** In the message, where the adapter does not keep it (checks). */
const constraintOf = ({ constraint, originalMessage }: DriverError): string | undefined =>
  constraint?.index ?? / constraint "([^"]+)"/.exec(originalMessage ?? '')?.[1];

function driverErrorOf(error: unknown): DriverError | undefined {
  const meta = (error as { meta?: { driverAdapterError?: { cause?: DriverError } } } | null)?.meta;
  return meta?.driverAdapterError?.cause;
}

/** Connection exceptions, no resources, operator intervention, and the transaction time-out, which ends the session. */
const isOfConnection = (sqlState: string): boolean => /^(08|53|57P|25P04)/.test(sqlState);

/** Other transactions were in the way; the same again may well succeed. */
export const isConflict = ({ sqlState }: SqlError): boolean => sqlState === '40P01' || sqlState === '40001';

export const violates = ({ sqlState, constraint }: SqlError, wanted: string): boolean =>
  sqlState === '23505' && constraint === wanted;

/** What a violated constraint tells the client, what was in the way, or the defect that it is. */
export function failureOf({ sqlState, constraint, message }: SqlError): Rejection | LockTimeout | StatementFailed {
  switch (sqlState) {
    case '23505':
      return new Rejection('already-exists', 'Another one has the same value where only one may have it.');
    case '23503':
      return new Rejection('reference-missing', 'What it refers to does not exist.');
    case '23001': // Postgres 18 reports RESTRICT by a code of its own
      return new Rejection('has-dependents', 'Others refer to it.');
    case '55P03':
      return new LockTimeout();
    default:
      // messages about data quote it
      return new StatementFailed(sqlState, constraint, /^2[23]/.test(sqlState) ? '' : `: ${message}`);
  }
}
