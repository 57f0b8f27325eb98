import { appendFileSync, existsSync } from 'node:fs';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { getSystemErrorMap } from 'node:util';
import type { FailpointName } from './failpoint-names.js';
import { InvalidFailpoints, type Arming, type ErrorCode } from './parse-failpoints.js';

/** Milliseconds between two looks for the file that ends a pause. */
const look = 2;

/** The failpoints of one process that do something, and how often each was hit. */
export class ArmedFailpoints {
  private readonly points = new Map<FailpointName, { arming: Arming; hits: number }[]>();

  /**
   * `log`: the file that is told of every action before it is taken, so that a test counts only what was in flight.
   * @throws InvalidFailpoints for a pause without `log`, beside which the file that ends it is looked for.
   */
  constructor(
    armings: readonly Arming[],
    private readonly log: string | undefined,
  ) {
    for (const arming of armings) {
      if (arming.action === 'pause' && !log)
        throw new InvalidFailpoints(`${arming.name}=pause`, 'a file in FAILPOINTS_LOG beside it');
      const point = this.points.get(arming.name) ?? [];
      this.points.set(arming.name, [...point, { arming, hits: 0 }]);
    }
  }

  hit(name: FailpointName, folder: string | undefined): Promise<void> | void {
    for (const point of this.points.get(name) ?? []) {
      const { table, action, first, last } = point.arming;
      if (table && (!folder || basename(folder) !== table)) continue;
      const hit = ++point.hits;
      if (hit < first || hit > last || (last === Infinity && this.isOff(name))) continue;
      this.tell({ name, ...(folder && { table: basename(folder) }), hit, action, pid: process.pid });
      return this.act(name, action);
    }
  }

  private act(name: FailpointName, action: Arming['action']): Promise<void> | void {
    // No handler runs and nothing is flushed: what the process knew is gone, as with the power, but not the disk's cache.
    if (action === 'kill') return void process.kill(process.pid, 'SIGKILL');
    if (action === 'pause') return this.pause(name);
    throw systemError(action);
  }

  private async pause(name: FailpointName): Promise<void> {
    while (!this.isOff(name)) await setTimeout(look);
  }

  /** Whoever tests may make a file, and take it away again. */
  private isOff(name: FailpointName): boolean {
    return this.log !== undefined && existsSync(`${this.log}.${name}`);
  }

  /** Synchronous, so that the line is there when the process is not. */
  private tell(line: Record<string, unknown>): void {
    if (this.log) appendFileSync(this.log, `${JSON.stringify(line)}\n`);
  }
}

function systemError(code: ErrorCode): NodeJS.ErrnoException {
  const errno = -constants.errno[code];
  const syscall = 'write';
  const reason = getSystemErrorMap().get(errno)?.[1] ?? 'unknown error';
  return Object.assign(new Error(`${code}: ${reason}, ${syscall}`), { code, errno, syscall });
}
