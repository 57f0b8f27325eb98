/** Rounds of strikes on several lanes at once, each round a source and a lake of its own, judged at its end. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Lane, type Strike } from './lane.js';
import { oneOf, randomOf, type Random } from './random.js';
import { isOf, Tally, type DiskError, type Quotas } from './tally.js';
import { labelOf, type Target } from './targets.js';
import type { Verdict } from './verdict.js';
import type { Pace } from './workload.js';

export interface CampaignOptions {
  readonly targets: readonly Target[];
  readonly quotas: Quotas;
  /** Makes a database, which is the caller's to drop; returns its URL. */
  readonly database: (name: string) => Promise<string>;
  readonly folder: string;
  readonly seed: number;
  readonly pace: Pace;
  readonly lanes: number;
  readonly strikesOfRound: number;
  readonly said: (line: string) => void;
}

export interface CampaignResult {
  readonly tally: Tally;
  readonly rounds: number;
  readonly sums: Omit<Verdict, 'wrong'>;
  /** In sentences. */
  readonly wrong: readonly string[];
}

/** In rounds that are about snapshots the lake may begin anew; in all others it must not. */
type Kind = (target: Target) => boolean;
const aboutSnapshots: Kind = ({ provoke }) => provoke === 'resnapshot';
const aboutTheRest: Kind = (target) => !aboutSnapshots(target);

export class Campaign {
  private readonly tally: Tally;
  private readonly random: Random;
  private readonly wrong: string[] = [];
  private readonly sums = {
    lost: 0,
    doubled: 0,
    overlapping: 0,
    torn: 0,
    transactions: 0,
    versions: 0,
    cuts: 0,
    pastCuts: 0,
  };
  private rounds = 0;

  constructor(private readonly options: CampaignOptions) {
    this.tally = new Tally(options.targets, options.quotas);
    this.random = randomOf(options.seed);
  }

  async run(): Promise<CampaignResult> {
    await Promise.all(Array.from({ length: this.options.lanes }, (_, i) => this.runLane(i)));
    const { tally, rounds, sums, wrong } = this;
    return { tally, rounds, sums, wrong };
  }

  /** Only the last lane takes up snapshots by itself, so that not all do at once. */
  private async runLane(index: number): Promise<void> {
    const isLast = index === this.options.lanes - 1;
    for (;;) {
      const [rest, snapshots] = [this.tally.least(aboutTheRest), this.tally.least(aboutSnapshots)];
      if (rest === Infinity && (snapshots === Infinity || !isLast)) return;
      await this.round(++this.rounds, isLast && snapshots <= rest ? aboutSnapshots : aboutTheRest);
    }
  }

  private async round(number: number, kind: Kind): Promise<void> {
    const { database, seed, pace, strikesOfRound, said } = this.options;
    const name = `crashes_${process.pid}_${number}`;
    const folder = join(this.options.folder, name);
    const options = { databaseUrl: await database(name), name, folder, pace, resnapshots: kind === aboutSnapshots };
    const lane = await Lane.open({ ...options, seed: seed + number });
    try {
      for (let strike = 0; strike < strikesOfRound; strike++) {
        if (strike === strikesOfRound >> 1) lane.observe();
        if (!(await this.strike(lane, number, kind))) break;
      }
      this.judge(number, await lane.finish(), kind);
    } catch (error) {
      this.wrong.push(`round ${number}: ${(error as Error).stack}`);
    } finally {
      await lane.close();
    }
    const wrong = this.wrong.filter((sentence) => sentence.startsWith(`round ${number}:`));
    if (wrong.length === 0) await rm(folder, { recursive: true, force: true });
    else said([...wrong, `Its lake stays in ${folder}.`].join('\n'));
  }

  private judge(number: number, verdict: Verdict & { snapshots: number }, kind: Kind): void {
    const { wrong, snapshots, ...counts } = verdict;
    for (const name of Object.keys(this.sums) as (keyof typeof this.sums)[]) this.sums[name] += counts[name];
    this.wrong.push(...wrong.map((sentence) => `round ${number}: ${sentence}`));
    const { lost, doubled, overlapping, torn } = counts;
    if (lost + doubled + overlapping + torn > 0) this.wrong.push(`round ${number}: ${JSON.stringify(counts)}`);
    if (kind !== aboutSnapshots && snapshots !== 1)
      this.wrong.push(`round ${number}: ${snapshots} snapshots where only the first was asked for`);
    this.options.said(`round ${number}: ${JSON.stringify({ ...counts, snapshots })}`);
  }

  /** False: nothing is left to strike. */
  private async strike(lane: Lane, round: number, kind: Kind): Promise<boolean> {
    const cell = this.tally.next(kind, this.random);
    if (!cell) return false;
    const { provoke, losesSlot } = cell.target;
    const failpoints = cell.action === 'kill' ? this.killAt(cell.target) : this.errorAt(cell.target, cell.action);
    const strike: Strike = { failpoints, ...(provoke && { provoke }), ...(losesSlot && { losesSlot }) };
    const { struck, byItself, said } = await lane.strike(strike);
    for (const each of struck) this.tally.add(each);
    if (!struck.some((each) => isOf(cell, each))) this.tally.missed(cell);
    if (byItself) this.wrong.push(`round ${round}: a projector with ${failpoints} ended by itself: ${said}`);
    return true;
  }

  /** Mostly with some errors before it, at another step. */
  private killAt(target: Target): string {
    const { random } = this;
    const kill = killOf(target, 1 + Math.floor(random() * target.hits));
    if (random() >= 0.7) return kill;
    const code = oneOf(['ENOSPC', 'EIO'] as const, random);
    const may = (other: Target) =>
      other.name !== target.name && (other.provoke === undefined || other.provoke === target.provoke);
    return `${this.errors(this.tally.rarest(code, may, random), code).failpoints},${kill}`;
  }

  /** The kill comes when the step does again: the projector has gone on after the errors by itself. */
  private errorAt(target: Target, code: DiskError): string {
    const { failpoints, last } = this.errors(target, code);
    return `${failpoints},${killOf(target, last + 1)}`;
  }

  /** One that is tried again at once, or so many that the try is given up. */
  private errors(target: Target, code: DiskError): { failpoints: string; last: number } {
    const first = 1 + Math.floor((this.random() * target.hits) / 2);
    const last = first + oneOf([0, 2], this.random);
    return { failpoints: `${labelOf(target)}=${code}@${first}..${last}`, last };
  }
}

const killOf = (target: Target, hit: number): string => `${labelOf(target)}=kill@${hit}`;
