export {
  capturedTables,
  keyColumns,
  lakeTable,
  stateColumns,
  surrogateKey,
  type Catalog,
  type Column,
  type ColumnType,
  type EventTable,
  type Table,
} from './catalog.js';
export { catalogHash } from './catalog-hash.js';
export { checkCatalog, InvalidCatalog } from './check-catalog.js';
export { loadCatalog, UnusableCatalogModule } from './load-catalog.js';
export type { ParameterName } from './parameter-names.js';
