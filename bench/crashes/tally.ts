/** What was struck how often, and which is the next one that has waited longest. */
import type { Struck } from './lane.js';
import { oneOf, type Random } from './random.js';
import { labelOf, type Target } from './targets.js';

export type StruckAction = 'kill' | 'ENOSPC' | 'EIO';

export interface Counts extends Record<StruckAction, number> {
  /** Tries in which the step was not come by. */
  missed: number;
}

/** Misses before the first hit after which a step counts as one that nothing leads to. */
const unreachable = 4;

export class Tally {
  private readonly counts: ReadonlyMap<Target, Counts>;

  /** `enough`: kills of each. */
  constructor(
    targets: readonly Target[],
    private readonly enough: number,
  ) {
    this.counts = new Map(targets.map((target) => [target, { kill: 0, ENOSPC: 0, EIO: 0, missed: 0 }]));
  }

  get rows(): [label: string, counts: Counts][] {
    return [...this.counts].map(([target, counts]) => [labelOf(target), counts]);
  }

  sum(action: StruckAction): number {
    return this.rows.reduce((sum, [, counts]) => sum + counts[action], 0);
  }

  add({ name, table, action }: Struck): void {
    for (const [target, counts] of this.counts)
      if (target.name === name && (!target.table || target.table === table)) counts[action as StruckAction]++;
  }

  missed(target: Target): void {
    this.counts.get(target)!.missed++;
  }

  /** Kills of the one that has had the fewest, of those that have not had enough; Infinity: all have. */
  fewest(may: (target: Target) => boolean): number {
    return Math.min(...this.wanting(may).map(([, { kill }]) => kill));
  }

  /** One of those that have had the fewest kills; null: all have had enough. */
  next(may: (target: Target) => boolean, random: Random): Target | null {
    const fewest = this.fewest(may);
    const candidates = this.wanting(may).filter(([, { kill }]) => kill === fewest);
    return candidates.length > 0 ? oneOf(candidates, random)[0] : null;
  }

  /** One that this was done to least often. */
  rarest(action: 'ENOSPC' | 'EIO', may: (target: Target) => boolean, random: Random): Target {
    const all = [...this.counts].filter(([target]) => may(target));
    const least = Math.min(...all.map(([, counts]) => counts[action]));
    return oneOf(
      all.filter(([, counts]) => counts[action] === least),
      random,
    )[0];
  }

  private wanting(may: (target: Target) => boolean): [Target, Counts][] {
    return [...this.counts].filter(
      ([target, { kill, missed }]) => may(target) && kill < this.enough && (kill > 0 || missed < unreachable),
    );
  }
}
