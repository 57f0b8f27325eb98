CREATE TABLE products (
  sku text PRIMARY KEY,
  name text NOT NULL,
  price numeric(10,2) NOT NULL,
  discontinued date
);
CREATE TABLE stock (
  sku text REFERENCES products,
  warehouse text,
  quantity integer NOT NULL,
  PRIMARY KEY (sku, warehouse)
);

-- A change must carry the whole old row, or a delete could not say what ended.
ALTER TABLE products REPLICA IDENTITY FULL;
ALTER TABLE stock REPLICA IDENTITY FULL;

CREATE PUBLICATION shop FOR TABLE products, stock;
