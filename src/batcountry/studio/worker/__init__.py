"""Workers: processes apart from the server, one for each device, that take jobs from the queue and dream them.

They may be killed at any moment. What they do lies in the job's folder, and what became of it in the database, each whole.
"""
