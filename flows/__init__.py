"""What a person runs: the command line and the Prefect flows. The only room that knows Prefect."""
