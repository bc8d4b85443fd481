"""Stages that ask a model for text: one method a file, its prompts under ``prompts/``."""
