/**
 * Memory and processor time of groups of processes, from /proc of Linux; elsewhere there are no figures.
 *
 * Memory is resident memory (RSS); of a group of several processes the proportional one (PSS), since Postgres' processes
 * share most of theirs. Processor time of a group is that of its first process with all its ended children, and of those
 * that live.
 */
import { readFileSync } from 'node:fs';

export interface Usage {
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
}

/** Name of a group → the process that it begins with, and whether its children belong to it. */
export type Groups = Readonly<Record<string, { readonly pid: number; readonly family?: boolean }>>;

const interval = 250;
/** USER_HZ: 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

export class UsageMeter {
  private readonly before = new Map<string, number>();
  private readonly peaks = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly groups: Groups) {
    for (const [name, { pid, family }] of Object.entries(groups)) this.before.set(name, cpuSeconds(pid, family));
    this.timer = setInterval(() => this.sample(), interval);
    this.sample();
  }

  stop(): Map<string, Usage> {
    clearInterval(this.timer);
    this.sample();
    return new Map(
      Object.entries(this.groups).map(([name, { pid, family }]) => [
        name,
        { cpuSeconds: cpuSeconds(pid, family) - this.before.get(name)!, peakMegabytes: this.peaks.get(name)! },
      ]),
    );
  }

  private sample(): void {
    for (const [name, { pid, family }] of Object.entries(this.groups))
      this.peaks.set(name, Math.max(this.peaks.get(name) ?? 0, megabytes(pid, family)));
  }
}

function cpuSeconds(pid: number, family = false): number {
  const own = times(pid);
  const ticks = own[0]! + own[1]! + (family ? own[2]! + own[3]! : 0);
  const children = family ? childrenOf(pid).map(times) : [];
  return (ticks + children.reduce((sum, [user, system]) => sum + user! + system!, 0)) / ticksPerSecond;
}

/** utime, stime, cutime, cstime: proc(5). */
function times(pid: number): number[] {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [11, 12, 13, 14].map((i) => Number(fields[i] ?? 0));
}

function megabytes(pid: number, family = false): number {
  if (!family) return kilobytes(pid, 'status', 'VmRSS') / 1024;
  return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + kilobytes(one, 'smaps_rollup', 'Pss'), 0) / 1024;
}

const kilobytes = (pid: number, file: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/${file}`))?.[1] ?? 0);

const childrenOf = (pid: number): number[] =>
  read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);

/** Empty for a process that has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
