"""Stage report: what came of the footage, as Parquet records, plots and one HTML report a day."""
