"""Stage report: the page and plots of each day, from the warehouse."""
