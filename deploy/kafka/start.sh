#!/bin/sh
# What Kafka's image runs: `broker`, which others find at KAFKA_ADVERTISED (host:port) and which keeps its log in
# KAFKA_DATA, or `connect`, whose environment deploy/debezium asks for. libs/embedded-kafka starts them in the same way.
set -eu
deploy=$(cd "$(dirname "$0")/.." && pwd)
jars=${KAFKA_JARS:-/jars}
data=${KAFKA_DATA:-/data}

run() {
  exec java "-Xmx${KAFKA_HEAP:-512m}" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
    "-Dlog4j2.configurationFile=$deploy/kafka/log4j2.properties" -Dkafka.logs.dir=/tmp/ -cp "$jars/*" "$@"
}

broker() {
  port=${KAFKA_PORT:-9092}
  controller=127.0.0.1:${KAFKA_CONTROLLER_PORT:-9093}
  listeners=PLAINTEXT://0.0.0.0:$port,CONTROLLER://$controller
  if ! [ -e "$data/kafka/meta.properties" ]; then
    # the formatter reads settings from a file alone
    {
      cat "$deploy/kafka/broker.properties"
      printf '\nlog.dirs=%s\ncontroller.quorum.voters=1@%s\nlisteners=%s\n' "$data/kafka" "$controller" "$listeners"
      printf 'advertised.listeners=PLAINTEXT://%s\n' "$KAFKA_ADVERTISED"
    } >"$data/kafka.format.properties"
    java -cp "$jars/*" -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format -t bWlnc2J5dS1lbWJlZGRlZA \
      -c "$data/kafka.format.properties"
  fi
  run kafka.Kafka "$deploy/kafka/broker.properties" \
    --override "log.dirs=$data/kafka" --override "listeners=$listeners" \
    --override "advertised.listeners=PLAINTEXT://$KAFKA_ADVERTISED" --override "controller.quorum.voters=1@$controller"
}

case ${1:-} in
broker) broker ;;
connect) run org.apache.kafka.connect.cli.ConnectDistributed "$deploy/debezium/connect.properties" ;;
*) echo "start.sh runs broker or connect, not '${1:-}'." >&2 && exit 2 ;;
esac
