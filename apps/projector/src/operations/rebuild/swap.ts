/**
 * The one commit by which a rebuild's versions become the table's: files, schema, catalog entry, fold position and the
 * generation of the quarantine, all at once or not at all. The quarantine is another Delta table, so its new files go
 * first, under a generation that nobody names yet, and the old ones go last. A crash between leaves files of a generation
 * that no versions name, which nobody reads, and which `dropOtherGenerations` removes.
 */
import { removalOf, schemaString, type Action, type AddFile, type Metadata } from '#libs/delta-log';
import { failpoint } from '#libs/failpoints';
import { appIds, columnsSinceActions, quarantineGeneration, quarantineTags, versionTable } from '#libs/lake';
import type { VersionStore } from '../../folding/version-store.js';
import type { ShadowVersions } from './shadow-versions.js';

/** One that neither the versions nor a file of the quarantine has had. */
export function nextGeneration({ table, versions, quarantine }: VersionStore): number {
  const left = [...quarantine.snapshot.files.values()].filter(isOf(table.table)).map(generationOf);
  return Math.max(quarantineGeneration(versions.snapshot), ...left) + 1;
}

/**
 * While no fold of the table is under way. The files that go are those that the table has when the commit's turn comes, so
 * that a merge of a moment before cannot leave its own.
 */
export async function swap(store: VersionStore, shadow: ShadowVersions, generation: number): Promise<void> {
  const { versions, quarantine } = store;
  const unknown = shadow.quarantine.map((add) => ({ add }));
  await failpoint('rebuild.before-quarantine', versions.folder);
  if (unknown.length > 0) await quarantine.commit(unknown, 'REBUILD');
  const made = [
    { metaData: metadataOf(store) },
    ...shadow.versions.map((add) => ({ add })),
    { txn: { appId: appIds.fold, version: shadow.foldPosition } },
    { txn: { appId: appIds.quarantine, version: generation } },
    ...columnsSinceActions(shadow.since),
  ];
  await failpoint('rebuild.before-swap', versions.folder);
  await versions.commitOnto(({ files }) => [...removals(files.values()), ...made], 'REBUILD');
  await failpoint('rebuild.after-swap', versions.folder);
}

/** Removes what the quarantine has of generations that the table's versions do not name. */
export async function dropOtherGenerations({ table, versions, quarantine }: VersionStore): Promise<void> {
  const generation = quarantineGeneration(versions.snapshot);
  await failpoint('rebuild.before-clearing', versions.folder);
  const isOther = (file: AddFile) => isOf(table.table)(file) && generationOf(file) !== generation;
  await quarantine.commitOnto(({ files }) => {
    const others = [...files.values()].filter(isOther);
    return others.length > 0 ? removals(others) : null;
  }, 'REBUILD');
}

function metadataOf({ table, versions }: VersionStore): Metadata {
  const { metadata } = versions.snapshot;
  const { fields, configuration } = versionTable(table);
  return {
    ...metadata,
    schemaString: schemaString(fields),
    configuration: { ...metadata.configuration, ...configuration },
  };
}

const removals = (files: Iterable<AddFile>): Action[] =>
  [...files].map((file) => ({ remove: removalOf(file, { now: Date.now() }) }));

const isOf =
  (table: string) =>
  ({ partitionValues }: AddFile): boolean =>
    partitionValues.table === table;

const generationOf = ({ tags }: AddFile): number => Number(tags?.[quarantineTags.generation] ?? 0);
