"""Writers over the run record, one a file."""
