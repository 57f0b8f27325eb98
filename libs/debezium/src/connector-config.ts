import type { ConnectorConfig } from './connector.js';

/** The settings of deploy/debezium/connector.json with what depends on the catalog: the tables that are captured. */
export const connectorConfig = (settings: ConnectorConfig, tables: Iterable<string>): ConnectorConfig => ({
  ...settings,
  'table.include.list': [...tables].map((table) => `public.${table}`).join(','),
});
