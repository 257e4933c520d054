"""Pictures, files and stores: what decodes and encodes pictures, and writes whole or not at all."""
