/** A table as the server described it last. */
export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
  /** Places of the columns of the replica identity: with REPLICA IDENTITY FULL that is each of them. */
  readonly identity: readonly number[];
}
