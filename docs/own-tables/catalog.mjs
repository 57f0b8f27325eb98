/** All that the engine is told of these tables. The type of it, with what each field means, is in libs/catalog/src/catalog.ts. */
export const catalog = {
  name: 'shop',
  tables: [
    {
      table: 'products',
      name: 'product', // its surrogate key is product_key
      kind: 'dimension', // versions in products_dimension, answers at /v1/dimensions/products
      label: 'Products',
      description: 'What is sold.',
      key: ['sku'],
      columns: [
        { name: 'sku', type: 'text', label: 'SKU', description: 'The stock keeping unit.', example: 'TEA-100' },
        { name: 'name', type: 'text', label: 'Name', description: 'As on the label.' },
        { name: 'price', type: 'numeric(10,2)', label: 'Price', description: 'In euros.', example: 4.2 },
        { name: 'discontinued', type: 'date', nullable: true, label: 'Discontinued', description: 'Its last day.' },
      ],
    },
    {
      table: 'stock',
      name: 'stock_level',
      kind: 'relationship', // versions in stock_history, answers at /v1/relationships/stock
      label: 'Stock',
      description: 'How many of a product lie in a warehouse.',
      key: ['sku', 'warehouse'],
      columns: [
        { name: 'sku', type: 'text', label: 'SKU', description: 'The product.' },
        { name: 'warehouse', type: 'text', label: 'Warehouse', description: 'Where it lies.' },
        { name: 'quantity', type: 'integer', label: 'Quantity', description: 'Pieces.' },
      ],
    },
  ],
};
