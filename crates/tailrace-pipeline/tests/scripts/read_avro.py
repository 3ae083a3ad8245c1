"""Reads a topic to its end with Confluent's deserializer: python read_avro.py BOOTSTRAP REGISTRY TOPIC.

Prints one JSON list [key, value] a message; bytes as lists of numbers, decimals as text.
"""
import decimal
import json
import sys

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

bootstrap, registry, topic = sys.argv[1:]
deserialize = AvroDeserializer(SchemaRegistryClient({"url": registry}))


def plain(value):
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, decimal.Decimal):
        return str(value)
    raise TypeError(type(value))


consumer = Consumer({
    "bootstrap.servers": bootstrap,
    "group.id": "read-avro",
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
})
consumer.assign([TopicPartition(topic, 0, 0)])
while True:
    message = consumer.poll(60)
    if message is None:
        sys.exit(f"{topic} gives no answer")
    if message.error():
        if message.error().name() == "_PARTITION_EOF":
            break
        sys.exit(f"{topic}: {message.error()}")
    key = deserialize(message.key(), SerializationContext(topic, MessageField.KEY))
    value = deserialize(message.value(), SerializationContext(topic, MessageField.VALUE))
    print(json.dumps([key, value], default=plain))
consumer.close()
