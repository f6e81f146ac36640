DROP FUNCTION protect(regclass);
DROP TABLE credit_product_prices, credit_products, credit_events, features, prices, plan_versions,
    plans, meters, installation;
