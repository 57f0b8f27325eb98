// CommonJS packages that require() Nest (pino) need it evaluated first under Jest.
import '@nestjs/common';
import '@nestjs/core';
