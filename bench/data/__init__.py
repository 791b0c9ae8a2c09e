"""Pictures: pixel conventions, resizing, degradations, data sets, patches."""
