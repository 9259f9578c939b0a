"""From a question to sources: what is looked up, and what comes first."""
