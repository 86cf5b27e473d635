"""The page Quarantine: footage that was refused, and why; retry once the cause is mended."""
