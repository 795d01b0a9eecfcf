"""What Couriergate costs, measured against raw clamd and against courier-pythonfilter in the same run."""
