// Filled below by one file a plugin.
