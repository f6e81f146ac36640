DROP TABLE catalogue_changes, discount_redemptions, discounts;
