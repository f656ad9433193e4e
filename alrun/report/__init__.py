"""Reports: tables, notes and plots of the curves of a results directory."""
