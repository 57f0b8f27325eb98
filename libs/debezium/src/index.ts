export { AmbiguousValue } from './ambiguous-value.js';
export { canonicalText, isTold } from './canonical-text.js';
export { connectorConfig } from './connector-config.js';
export {
  atRest,
  ConnectFailed,
  Connector,
  type Applied,
  type ConnectorConfig,
  type ConnectorStatus,
} from './connector.js';
export {
  decodeRecord,
  unavailableValue,
  UnreadableRecord,
  type DebeziumRecord,
  type JsonRow,
  type JsonValue,
  type RowRecord,
  type TopicRecord,
} from './record.js';
export { messagePrefix, readMessage, UnreadableMessage, type SourceMessage } from './source-message.js';
