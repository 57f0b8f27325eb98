// CommonJS packages that require() Nest (terminus, pino) need it evaluated first under Jest.
import '@nestjs/common';
import '@nestjs/core';
