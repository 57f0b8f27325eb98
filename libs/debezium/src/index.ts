export { AmbiguousValue } from './ambiguous-value.js';
export { canonicalText, isTold, toldAlike } from './canonical-text.js';
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
  isUnavailable,
  UnreadableRecord,
  type DebeziumRecord,
  type JsonRow,
  type JsonValue,
  type RowRecord,
  type TopicRecord,
} from './record.js';
export { RecordLayouts, type TextRecord } from './record-layouts.js';
export { messagePrefix, readMessage, UnreadableMessage, type SourceMessage } from './source-message.js';
