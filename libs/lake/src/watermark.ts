import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lsn } from '#libs/change-event';
import { replaceDurably } from '#libs/delta-log';

/** What the projector vouches for, once a second: everything that the source had committed up to `lsn` is in the lake. */
export interface Watermark {
  /** JSON of the SourceEpoch: LSNs compare only inside one. */
  readonly epoch: string;
  readonly lsn: Lsn;
  /** Last position in the lake when this was written. */
  readonly position: number;
  /** The source's clock when `lsn` was its end; microseconds since 1970. For tokens and lag. */
  readonly source_time: bigint;
  /** `source_time`, but never ahead of the projector's clock by more than 5 s, and never falling. No later transaction
   *  becomes effective at or before it: answers as of then are final. */
  readonly time: bigint;
}

const file = (folder: string) => join(folder, '_watermark.json');
const draftName = /^\._watermark\..*\.draft$/;

/**
 * Whole or not at all, and durable when it resolves: neither `time` nor what the source was told to forget may fall by a
 * crash. A draft of its own for each, since a projector that was replaced may still be writing one; so it asks `mayReplace`
 * once its draft is there, see `dropDrafts`.
 */
export async function writeWatermark(
  folder: string,
  watermark: Watermark,
  mayReplace?: () => Promise<void>,
): Promise<void> {
  const { source_time, time, ...rest } = watermark;
  const text = JSON.stringify({ ...rest, source_time: Number(source_time), time: Number(time) });
  const draft = join(folder, `._watermark.${randomUUID()}.draft`);
  try {
    await replaceDurably(file(folder), draft, text, mayReplace);
  } catch (error) {
    await unlink(draft).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

/**
 * Takes the drafts away from whoever may still be about to put one in the watermark's place. If that one was fenced before,
 * nothing of it comes any more: a draft that was there is gone, and one that comes later is refused.
 */
export async function dropDrafts(folder: string): Promise<void> {
  const names = await readdir(folder);
  for (const name of names.filter((each) => draftName.test(each))) await rm(join(folder, name), { force: true });
}

/** null before the first, or where a crash of the machine left a file that is no JSON. */
export async function readWatermark(folder: string): Promise<Watermark | null> {
  const text = await readFile(file(folder), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  try {
    const { source_time, time, ...rest } = JSON.parse(text);
    return { ...rest, source_time: BigInt(source_time), time: BigInt(time) };
  } catch {
    return null;
  }
}
