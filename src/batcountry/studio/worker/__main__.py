"""`python -m batcountry.studio.worker`, which the supervisor starts."""

from batcountry.studio.worker.main import main

main()
