"""The surroundings of a stage: settings, the object store, manifests, logging and the stage runner."""
