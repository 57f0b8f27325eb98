/** Rounds of strikes on several lanes at once, each round a source and a lake of its own, judged at its end. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Lane } from './lane.js';
import { oneOf, randomOf, type Random } from './random.js';
import type { Struck, Verified } from './strike.js';
import { isOf, Tally, type DiskError, type Quotas } from './tally.js';
import { armed, leadingTo, type Target } from './targets.js';
import type { Verdict } from './verdict.js';
import type { Pace } from './workload.js';
import type { World } from './worlds/world.js';

export interface CampaignOptions {
  readonly targets: readonly Target[];
  /** Rounds take them in turn. */
  readonly worlds: readonly World[];
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
  readonly ofWorlds: ReadonlyMap<string, WorldCount>;
  /** Verifications beside, and by name what kept others from saying anything. */
  readonly verified: Readonly<Record<string, number>>;
  /** In sentences. */
  readonly wrong: readonly string[];
}

/** Seconds. */
const usualPatience = 12;

interface WorldCount {
  rounds: number;
  kills: number;
  errors: number;
  transactions: number;
  versions: number;
}

/** In rounds that are about snapshots the lake may begin anew; in all others it must not. */
type Kind = (target: Target) => boolean;
const aboutSnapshots: Kind = ({ provoke }) => provoke === 'resnapshot';
const aboutTheRest: Kind = (target) => !aboutSnapshots(target);

interface Round {
  readonly number: number;
  readonly world: World;
  readonly kind: Kind;
}

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
  private readonly ofWorlds: ReadonlyMap<string, WorldCount>;
  private readonly verified: Record<string, number> = { equal: 0 };

  constructor(private readonly options: CampaignOptions) {
    this.tally = new Tally(options.targets, options.quotas);
    this.random = randomOf(options.seed);
    const none = { rounds: 0, kills: 0, errors: 0, transactions: 0, versions: 0 };
    this.ofWorlds = new Map(options.worlds.map(({ name }) => [name, { ...none }]));
  }

  async run(): Promise<CampaignResult> {
    await Promise.all(Array.from({ length: this.options.lanes }, (_, i) => this.runLane(i)));
    const { tally, rounds, sums, wrong, ofWorlds, verified } = this;
    return { tally, rounds, sums, wrong, ofWorlds, verified };
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
    const { database, worlds, seed, pace, strikesOfRound, said } = this.options;
    const name = `crashes_${process.pid}_${number}`;
    const folder = join(this.options.folder, name);
    const world = worlds[(number - 1) % worlds.length]!;
    const resnapshots = kind === aboutSnapshots;
    const options = { databaseUrl: await database(name), name, folder, pace, world, resnapshots };
    const lane = await Lane.open({ ...options, seed: seed + number });
    try {
      for (let strike = 0; strike < strikesOfRound; strike++) {
        if (strike === strikesOfRound >> 1) lane.observe();
        if (!(await this.strike(lane, { number, world, kind }))) break;
      }
      this.judge({ number, world, kind }, await lane.finish());
    } catch (error) {
      this.wrong.push(`round ${number}: ${(error as Error).stack}`);
    } finally {
      await lane.close();
    }
    const wrong = this.wrong.filter((sentence) => sentence.startsWith(`round ${number}:`));
    if (wrong.length === 0) await rm(folder, { recursive: true, force: true });
    else said([...wrong, `Its lake stays in ${folder}.`].join('\n'));
  }

  private judge({ number, world, kind }: Round, verdict: Verdict & { snapshots: number }): void {
    const { wrong, snapshots, ...counts } = verdict;
    for (const name of Object.keys(this.sums) as (keyof typeof this.sums)[]) this.sums[name] += counts[name];
    this.wrong.push(...wrong.map((sentence) => `round ${number}: ${sentence}`));
    const { lost, doubled, overlapping, torn } = counts;
    if (lost + doubled + overlapping + torn > 0) this.wrong.push(`round ${number}: ${JSON.stringify(counts)}`);
    if (kind !== aboutSnapshots && snapshots !== 1)
      this.wrong.push(`round ${number}: ${snapshots} snapshots where only the first was asked for`);
    const ofWorld = this.ofWorlds.get(world.name)!;
    ofWorld.rounds++;
    for (const name of ['transactions', 'versions'] as const) ofWorld[name] += counts[name];
    this.options.said(`round ${number} (${world.name}): ${JSON.stringify({ ...counts, snapshots })}`);
  }

  /** False: nothing is left to strike. */
  private async strike(lane: Lane, { number, world, kind }: Round): Promise<boolean> {
    const cell = this.tally.next(kind, this.random);
    if (!cell) return false;
    const { target, action, missedSoFar } = cell;
    const patience = usualPatience * (1 + missedSoFar); // a machine may be busy: no step counts as never reached for that
    const failpoints = action === 'kill' ? this.killAt(target, world) : this.errorAt(target, action, world);
    const { struck, byItself, said, verified } = await lane.strike({ failpoints, ...leadingTo(target), patience });
    for (const each of struck) this.count(each, world);
    if (!struck.some((each) => isOf(cell, each, world))) this.tally.missed(cell);
    if (byItself) this.wrong.push(`round ${number}: a projector with ${failpoints} ended by itself: ${said}`);
    for (const one of verified) this.hear(number, one);
    return true;
  }

  private count(struck: Struck, world: World): void {
    this.tally.add(struck, world);
    this.ofWorlds.get(world.name)![struck.action === 'kill' ? 'kills' : 'errors']++;
  }

  private hear(round: number, { equal, failed, told }: Verified): void {
    const outcome = failed ?? 'equal';
    if (!equal && !failed) this.wrong.push(`round ${round}: a verification says ${told}`);
    else this.verified[outcome] = (this.verified[outcome] ?? 0) + 1;
  }

  /** Mostly with some errors before it, at another step. */
  private killAt(target: Target, world: World): string {
    const { random } = this;
    const kill = killOf(armed(target, world), 1 + Math.floor(random() * target.hits));
    if (random() >= 0.7) return kill;
    const code = oneOf(['ENOSPC', 'EIO'] as const, random);
    const may = (other: Target) =>
      other.name !== target.name &&
      (other.provoke === undefined || other.provoke === target.provoke) &&
      (!other.changesCatalog || other.changesCatalog === target.changesCatalog);
    return `${this.errors(this.tally.rarest(code, may, random), code, world).failpoints},${kill}`;
  }

  /** The kill comes when the step does again: the projector has gone on after the errors by itself. */
  private errorAt(target: Target, code: DiskError, world: World): string {
    const { failpoints, last } = this.errors(target, code, world);
    return `${failpoints},${killOf(armed(target, world), last + 1)}`;
  }

  /** One that is tried again at once, or so many that the try is given up. */
  private errors(target: Target, code: DiskError, world: World): { failpoints: string; last: number } {
    const first = 1 + Math.floor((this.random() * target.hits) / 2);
    const last = first + oneOf([0, 2], this.random);
    return { failpoints: `${armed(target, world)}=${code}@${first}..${last}`, last };
  }
}

const killOf = (step: string, hit: number): string => `${step}=kill@${hit}`;
