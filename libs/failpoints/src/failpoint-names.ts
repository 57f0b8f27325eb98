/** Every step at which a crash or a failing disk is worth a test, each with what has happened by then. */
export const failpoints = {
  'append.before-data-file': 'A batch is stamped with its positions; nothing of it is on disk.',
  'append.before-commit': 'The data file of a batch is on disk; no version names it.',
  'append.before-acknowledge': 'A batch is committed; neither the source nor anybody here knows.',
  'data-file.before-sync': 'A data file is complete under its temporary name; its bytes may be in the cache alone.',
  'data-file.before-rename': 'A data file is synced under its temporary name.',
  'data-file.before-directory-sync': 'A data file has its name; its directory may not be on disk.',
  'file.before-rename': 'The new text of _watermark.json or _last_checkpoint is synced under its temporary name.',
  'file.before-directory-sync':
    'The new text of _watermark.json or _last_checkpoint is in place; the directory may not be.',
  'commit.before-draft': 'A version is decided; nothing of its log entry is written.',
  'commit.before-link': 'A log entry is synced under its temporary name; no reader sees it.',
  'commit.before-directory-sync': 'A log entry has its name and readers see it; its directory may not be on disk.',
  'fold.before-steps': 'The changes of a fold are loaded; nothing is computed.',
  'fold.before-files': 'The steps of a fold are computed; no file of it is written.',
  'fold.before-commit': 'The files of a fold are on disk; no version names them.',
  'fold.after-commit': 'A fold is committed; nobody was told.',
  'quarantine.before-commit': 'A quarantine file is on disk; no version names it.',
  'quarantine.after-commit': 'The quarantine is ahead of the versions that it belongs to.',
  'merge-changelog.before-file': 'The small changelog files of a merge are chosen.',
  'merge-changelog.before-commit': 'The merged changelog file is on disk beside those that it replaces.',
  'merge-period.before-file': 'The closed files of a merge are chosen.',
  'merge-period.before-commit': "A period's merged file is on disk beside those that it replaces.",
  'checkpoint.before-parquet': "A checkpoint's actions are written as JSON under a temporary name.",
  'checkpoint.before-rename': 'A checkpoint is synced under its temporary name.',
  'checkpoint.before-hint': 'A checkpoint has its name; _last_checkpoint names an older one.',
  'clean-log.before-deletion': 'A version of the log is about to be deleted; all older ones are.',
  'vacuum.before-deletion': 'A file that no version needs is about to be deleted.',
  'rebuild.before-fold': "A rebuild's shadow is about to take the next part of the changelog.",
  'rebuild.before-quarantine': "A rebuild's files are complete; no version of a table names them.",
  'rebuild.before-swap': "A rebuild's quarantine is committed, under a generation that nobody names.",
  'rebuild.after-swap': "A rebuild's files are the table's; what belonged to the old ones is not cleared.",
  'rebuild.before-clearing': 'The quarantine may hold generations that no versions name.',
  'snapshot.before-slot': 'The old slot is dropped; the one of the new epoch does not exist.',
  'snapshot.begin': 'The slot of a new epoch is made; no row of its snapshot has come.',
  'snapshot.rows': 'A part of the rows of a snapshot has come.',
  'snapshot.before-commit': 'All rows of a snapshot have come; nothing is committed.',
  'verification.rows': "A part of a source table's rows is in a file of a verification.",
  'verification.before-comparison': 'All rows of the source are in files; a table is about to be compared.',
  'verification.before-clearing': 'A verification is over; what it has spilled is still there.',
  'slot.before-feedback': 'The lake has what the source is about to be told it may forget.',
} as const;

/** In FAILPOINTS also `name:table` (or a small file's name) for one's alone. */
export type FailpointName = keyof typeof failpoints;

export const isFailpoint = (name: string): name is FailpointName => Object.hasOwn(failpoints, name);
