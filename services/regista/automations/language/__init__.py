"""What conditions and templates are written in: CEL on the words of each event type. Pure."""
