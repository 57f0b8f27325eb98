/** What a whole projector is asked. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

interface Status {
  readonly position: number | null;
  readonly folded: number | null;
  readonly tables: readonly { readonly drifted: boolean }[];
}

/** Resolves when all that is in the changelog is in versions, which its own catalog made. */
export async function untilFolded(url: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; ;) {
    const status = (await (await fetch(`${url}/v1/status`)).json()) as Status;
    const { position, folded, tables } = status;
    if (position !== null && position === folded && !tables.some(({ drifted }) => drifted)) return;
    if (Date.now() > deadline) throw new Error(`The lake is not folded: ${JSON.stringify(status)}`);
    await sleep(50);
  }
}

/** Tries in which something else may write: upkeep does once in a while, and then has nothing to do. */
const tries = 5;

/** What is wrong with a verification of a source that rests, in sentences. */
export async function wrongOfVerification(url: string, { lake, spool }: { lake: string; spool: string }) {
  const wrong: string[] = [];
  for (let tried = 0; ; tried++) {
    const before = await filesOf(lake);
    const answer = await fetch(`${url}/v1/verifications?wait=true`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' },
    });
    const operation = (await answer.json()) as { report: { equal: boolean } | null };
    if (!operation.report?.equal) return [`the last verification says ${JSON.stringify(operation)}`];
    if ((await filesOf(lake)) === before) break;
    if (tried === tries) return ['each verification wrote something into the lake'];
  }
  const left = (await readdir(spool)).filter((name) => name.startsWith('verification-'));
  if (left.length > 0) wrong.push(`verifications have left ${left.join(', ')}`);
  return wrong;
}

/** Names, sizes and times of all but the watermark, which goes on by itself. */
async function filesOf(lake: string): Promise<string> {
  const names = (await readdir(lake, { recursive: true })).filter((name) => !name.includes('_watermark.json')).sort();
  const facts = names.map(async (name) => {
    const found = await stat(join(lake, name)).catch(() => null); // or it has gone since
    return found?.isFile() ? `${name} ${found.size} ${found.mtimeMs}` : name;
  });
  return (await Promise.all(facts)).join('\n');
}
