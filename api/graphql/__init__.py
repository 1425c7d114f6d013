"""The GraphQL face of the read models and of the engine's commands."""
