export { connectorConfig, KafkaStack } from './kafka-stack.js';
export { kafkaCanRun } from './requirements.js';
