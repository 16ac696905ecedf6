"""From requests for jobs to jobs in the queue, within what a client may ask for."""
