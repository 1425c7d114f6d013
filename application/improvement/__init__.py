"""The improvement loop: analyse losses, ask an author, test what it wrote, activate what holds."""
