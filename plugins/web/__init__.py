"""Everything that the pages in Airflow's UI share: login, permissions, safety, look, pictures. No page's content."""
