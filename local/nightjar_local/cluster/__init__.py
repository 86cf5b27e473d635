"""`make test-cluster`: installs Nightjar on any Kubernetes, in namespaces of its own, sees it work, and removes it."""
