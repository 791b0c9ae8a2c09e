"""What two or more methods share: blocks, losses, learners. Changing a file here changes every method that uses it."""
