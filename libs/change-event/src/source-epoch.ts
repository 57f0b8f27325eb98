/** One life of a source. LSNs compare only inside one epoch. */
export interface SourceEpoch {
  readonly system_identifier: string;
  readonly timeline: number;
  readonly database: string;
  readonly adapter: 'postgres' | 'kafka';
  /** The slot's or the topic's identity: a slot or topic made anew under the same name is another one. */
  readonly identity: string;
  /** The LSN, as Postgres prints it, at which the epoch's snapshot was taken. */
  readonly consistent_point: string;
  /**
   * The tables, sorted, of which the lake has the snapshot and every change since. Absent in lakes older than this field:
   * then nothing is known to be covered, since to take all tables for covered would be a guess, and a wrong one loses the
   * rows that a table had before it was captured. The snapshot that is asked for instead costs no history.
   */
  readonly tables?: readonly string[];
}

/** Whether both are one life of one source, whatever tables were captured in it. */
export function isSameEpoch(one: SourceEpoch, other: SourceEpoch): boolean {
  const [{ tables: _, ...life }, { tables: __, ...otherLife }] = [one, other];
  return JSON.stringify(Object.entries(life).sort()) === JSON.stringify(Object.entries(otherLife).sort());
}

/** Those of `captured`, sorted, whose rows the lake may lack, because the epoch does not cover them. */
export const uncoveredTables = ({ tables = [] }: SourceEpoch, captured: Iterable<string>): string[] =>
  [...captured].filter((table) => !tables.includes(table)).sort();

/**
 * The epoch once only `captured` are: a table that is left out covers nothing any more, since its changes are not kept
 * from now on. The same object where nothing is left out.
 */
export function narrowedTo(epoch: SourceEpoch, captured: Iterable<string>): SourceEpoch {
  const kept = new Set(captured);
  const tables = epoch.tables?.filter((table) => kept.has(table));
  return tables === undefined || tables.length === epoch.tables!.length ? epoch : { ...epoch, tables };
}
