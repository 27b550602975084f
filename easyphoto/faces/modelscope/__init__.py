"""Face tools with the networks that ModelScope publishes, written anew in plain torch; see docs/face-toolboxes.md."""
