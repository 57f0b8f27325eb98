export { appIds, changelog, changelogTags, configuration } from './changelog.js';
export { columnsSince, columnsSinceActions } from './columns-since.js';
export { openDuckDb, parquet, rowsOf, type DuckDbOptions } from './duckdb.js';
export { ForeignFile, refuseForeignFiles } from './foreign-files.js';
export { lakeFolder, UnsupportedLake } from './lake-folder.js';
export { isInQuarantine, quarantineGeneration, quarantineTags } from './quarantine-files.js';
export { quarantine, versionTable } from './version-table.js';
export { dropDrafts, readWatermark, writeWatermark, type Watermark } from './watermark.js';
