"""A folder that dreams: what is dropped into it is dreamed on, and the results appear in another.

The work is done by the studio's queue and its workers. Here is told which files are whole, what is to be made of them, and
where results go, with all that is known of each file in the database, so that nothing is lost or done twice, whatever is
killed.
"""
