"""What each command does, from folders to folders; progress is told to a callback, nothing is printed."""
