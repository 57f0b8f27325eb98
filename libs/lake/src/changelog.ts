import type { DeltaField } from '#libs/delta-log';

/**
 * Every change of every captured table, append-only. `position` is dense over everything; `tx_position` is that of the
 * transaction's first change; `effective_at` rises strictly from transaction to transaction, so time and position map one
 * to one. Nothing in it is typed: keys and rows are JSON text of Postgres' own texts.
 */
export const changelog = {
  name: 'changelog',
  fields: [
    { name: 'position', type: 'long', nullable: false },
    { name: 'tx_position', type: 'long', nullable: false },
    { name: 'commit_lsn', type: 'long', nullable: false },
    { name: 'ordinal', type: 'long', nullable: false },
    { name: 'tx_id', type: 'string', nullable: false },
    { name: 'committed_at', type: 'timestamp', nullable: false },
    { name: 'effective_at', type: 'timestamp', nullable: false },
    { name: 'table', type: 'string', nullable: false },
    { name: 'op', type: 'string', nullable: false },
    { name: 'key', type: 'string', nullable: true },
    { name: 'before', type: 'string', nullable: true },
    { name: 'after', type: 'string', nullable: true },
    { name: 'actor', type: 'string', nullable: true },
    { name: 'command', type: 'string', nullable: true },
    { name: 'correlation_id', type: 'string', nullable: true },
  ] satisfies DeltaField[],
} as const;

/** `txn` actions of each append: where the lake stands. They are in the commit of the rows, so neither is without the other. */
export const appIds = {
  position: 'position',
  commitLsn: 'commit_lsn',
  sourceOffset: 'source_offset',
  /** `effective_at` of the last transaction, microseconds since 1970. */
  effectiveAt: 'effective_at',
  /** On a table of versions: the position up to which it holds all changes. */
  fold: 'fold',
  /** On a table of versions: the generation of the quarantine's files that go with it; 0 if absent. */
  quarantine: 'quarantine',
} as const;

/** Tags of a changelog file: what it holds, for readers that look for a time without opening every file. */
export const changelogTags = {
  firstPosition: 'migsbyu.first_position',
  lastPosition: 'migsbyu.last_position',
  /** `effective_at`, microseconds since 1970. */
  firstEffectiveAt: 'migsbyu.first_effective_at',
  lastEffectiveAt: 'migsbyu.last_effective_at',
} as const;

/** Configuration keys in a table's metadata. */
export const configuration = {
  /** On the changelog: JSON of the SourceEpoch in force. */
  epoch: 'migsbyu.epoch',
  /** On a table of versions: hash of the catalog entry that it was folded by, and the entry itself as JSON. */
  catalog: 'migsbyu.catalog',
  table: 'migsbyu.table',
} as const;
