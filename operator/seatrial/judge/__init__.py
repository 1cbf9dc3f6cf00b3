"""What users wrote, put to what services answered: pure, and run in processes of its own (``sandbox/``)."""
