const { resolve } = require('node:path');

module.exports = {
  resolve: {
    alias: { '#libs/*': resolve('libs/*/src/index.ts') },
    extensionAlias: { '.js': ['.ts', '.js'] },
  },
};
