"""What the studio remembers, in a database: jobs and their queue, events, pictures, uploads. No other room has SQL."""
