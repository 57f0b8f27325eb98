import type { Prisma, PrismaClient } from '../generated/prisma/client.js';
import { Rejection } from '../rejection.js';
import type { CommandResult } from './command.js';
import { keep, replay, type Answer, type IdempotencyKey } from './idempotency.js';
import { load } from './load.js';

/**
 * A write that is no command on a stream, like starting long work: its effect and its Idempotency-Key commit together, so
 * that an equal request gets the same answer and causes nothing. `work` writes through the transaction alone.
 * @throws what `work` throws; Rejection if the key came with another body
 */
export async function answerOnce(
  database: PrismaClient,
  idempotency: IdempotencyKey | undefined,
  work: (transaction: Prisma.TransactionClient) => Promise<Answer>,
): Promise<CommandResult<never>> {
  if (!idempotency) return first(await database.$transaction(work));
  for (;;) {
    const { kept } = await load(database, '', idempotency.key);
    if (kept) return { ...first(replay(kept, idempotency)), replayed: true };
    const answer = await attempt(database, idempotency, work);
    if (answer) return first(answer);
  }
}

const first = (answer: Answer): CommandResult<never> => ({ answer, replayed: false, token: null, events: [] });

/** Null: an equal request was faster, and this one's effect is undone. */
async function attempt(
  database: PrismaClient,
  idempotency: IdempotencyKey,
  work: (transaction: Prisma.TransactionClient) => Promise<Answer>,
): Promise<Answer | null> {
  try {
    return await database.$transaction(async (transaction) => {
      const answer = await work(transaction);
      if (!(await keep(transaction, idempotency, answer, null))) throw new Beaten();
      return answer;
    });
  } catch (error) {
    if (error instanceof Beaten) return null;
    if (!(error instanceof Rejection) || !error.isAnswer) throw error;
    if (await keep(database, idempotency, error, null)) throw error;
    return null;
  }
}

/** Rolls the transaction back. */
class Beaten extends Error {}
