"""What explains the answers of models: beside the execution, by which it calls them as any caller does."""
