"""The pages in Airflow's UI, a folder each: `page.py` has its PAGE, `plugins/web/pages.py` finds it."""
