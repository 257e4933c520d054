"""The example project that maskcast demo makes: drawn wafers with true masks."""
