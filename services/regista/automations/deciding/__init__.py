"""One decision per event and automation: verdict, limits, author; whoever asks first makes it."""
