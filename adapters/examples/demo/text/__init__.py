"""What people say of the demo subject, and what the house answers."""
