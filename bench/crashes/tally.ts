/** What was struck how often, and which is the next that has waited longest. */
import { oneOf, type Random } from './random.js';
import type { Struck } from './strike.js';
import { isAt, labelOf, type Target } from './targets.js';
import type { World } from './worlds/world.js';

export type DiskError = 'ENOSPC' | 'EIO';
export type StruckAction = 'kill' | DiskError;

/** How often each is wanted at each step that can suffer it. */
export type Quotas = Readonly<Record<StruckAction, number>>;

/** One thing that is done at one step. */
export interface Cell {
  readonly target: Target;
  readonly action: StruckAction;
  /** Tries in a row, from the first on, in which the step was not come by. */
  readonly missedSoFar: number;
}

interface CountedCell extends Omit<Cell, 'missedSoFar'> {
  struck: number;
  /** Tries in which the step was not come by. */
  missed: number;
}

/** Of one step; null: nothing of the kind can happen there. */
export interface Row {
  readonly target: Target;
  readonly struck: Readonly<Record<StruckAction, number | null>>;
  readonly missed: number;
}

/** Misses before the first hit after which a cell counts as one that nothing leads to. */
const unreachable = 4;

const actions: readonly StruckAction[] = ['kill', 'ENOSPC', 'EIO'];

export class Tally {
  private readonly cells: readonly CountedCell[];

  constructor(
    private readonly targets: readonly Target[],
    private readonly quotas: Quotas,
  ) {
    this.cells = targets.flatMap((target) => {
      const possible = actions.filter((action) => action === 'kill' || !target.diskless);
      return possible.map((action) => ({ target, action, struck: 0, missed: 0 }));
    });
  }

  get rows(): Row[] {
    return this.targets.map((target) => {
      const cells = this.cells.filter((cell) => cell.target === target);
      const struck = (action: StruckAction) => cells.find((cell) => cell.action === action)?.struck ?? null;
      const missed = cells.reduce((sum, cell) => sum + cell.missed, 0);
      return { target, missed, struck: { kill: struck('kill'), ENOSPC: struck('ENOSPC'), EIO: struck('EIO') } };
    });
  }

  /** What was promised and never came about. */
  get empty(): string[] {
    const never = this.cells.filter(({ action, struck }) => struck === 0 && this.quotas[action] > 0);
    return never.map(({ target, action }) => `${labelOf(target)}=${action}`);
  }

  sum(action: StruckAction): number {
    return this.cells.reduce((sum, cell) => sum + (cell.action === action ? cell.struck : 0), 0);
  }

  add(struck: Struck, world: World): void {
    for (const cell of this.cells) if (isOf(cell, struck, world)) cell.struck++;
  }

  missed({ target, action }: Pick<Cell, 'target' | 'action'>): void {
    this.cells.find((cell) => cell.target === target && cell.action === action)!.missed++;
  }

  /** The part of its quota that the cell has which lacks most; Infinity: all have all of it. */
  least(may: (target: Target) => boolean): number {
    return Math.min(...this.wanting(may).map((cell) => this.part(cell)));
  }

  /** One of those that lack most; null: all have all of their quotas. */
  next(may: (target: Target) => boolean, random: Random): Cell | null {
    const least = this.least(may);
    const candidates = this.wanting(may).filter((cell) => this.part(cell) === least);
    if (candidates.length === 0) return null;
    const { target, action, struck, missed } = oneOf(candidates, random);
    return { target, action, missedSoFar: struck > 0 ? 0 : missed };
  }

  /** A step that has had this error least often. */
  rarest(error: DiskError, may: (target: Target) => boolean, random: Random): Target {
    const all = this.cells.filter(({ target, action }) => action === error && may(target));
    const least = Math.min(...all.map(({ struck }) => struck));
    return oneOf(
      all.filter(({ struck }) => struck === least),
      random,
    ).target;
  }

  private part({ action, struck }: CountedCell): number {
    return struck / this.quotas[action];
  }

  private wanting(may: (target: Target) => boolean): CountedCell[] {
    return this.cells.filter(
      ({ target, action, struck, missed }) =>
        may(target) && struck < this.quotas[action] && (struck > 0 || missed < unreachable),
    );
  }
}

export const isOf = ({ target, action }: Pick<Cell, 'target' | 'action'>, struck: Struck, world: World): boolean =>
  action === struck.action && isAt(target, struck, world);
