export type Row = Record<string, string | null>;

export interface Change {
  position: number;
  tx: number;
  /** A position that cuts after the transaction and before the next of this table. */
  cut: number;
  at: bigint;
  op: 'c' | 'u' | 'd' | 't' | 'r';
  key: string[] | null;
  after: Row | null;
  actor: string | null;
  command: string;
}
