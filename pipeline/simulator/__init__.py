"""A provider on loopback: real HTTP, the documented wire shapes, seeded answers and seeded faults."""
