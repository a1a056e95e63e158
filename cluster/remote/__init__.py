"""Control of runs over HTTP: `api` is the application, `token` who may use it."""
