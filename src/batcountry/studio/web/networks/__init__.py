"""What the studio knows of networks, and the jobs that look into them."""
