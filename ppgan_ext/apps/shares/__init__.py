"""A batch shared by several processes, of one machine or several: the results and the report are those of one."""
