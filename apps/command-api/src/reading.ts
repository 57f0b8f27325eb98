import { Problem } from '#libs/problems';
import { ConnectionLost, failureOf, sqlErrorOf } from './event-store/sql-error.js';

/** A read's own result. @throws Problem `unavailable` where the connection failed; never an error that quotes rows */
export async function reading<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw failureOfRead(error);
  }
}

function failureOfRead(error: unknown): unknown {
  try {
    return failureOf(sqlErrorOf(error));
  } catch (failure) {
    if (!(failure instanceof ConnectionLost)) return failure;
    return new Problem('unavailable', 'The database cannot be reached.', { retryAfter: 1, cause: failure });
  }
}
