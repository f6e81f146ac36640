-- Webhooks that were done with long ago are put away in files; their tries and actions go with them.
GRANT DELETE ON webhooks TO billing_engine;
