DROP TABLE outbox, customers, gateway_objects, external_ids, organizations;
