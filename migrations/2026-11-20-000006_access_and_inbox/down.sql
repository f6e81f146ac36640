DROP TABLE webhooks, requests, api_keys;
