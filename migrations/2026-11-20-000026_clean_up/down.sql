REVOKE DELETE ON webhooks FROM billing_engine;
