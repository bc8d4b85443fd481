"""How a model is asked: client, retries, completion log; and the built-in offline teacher that needs no network."""
