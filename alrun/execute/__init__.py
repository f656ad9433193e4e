"""How runs are computed: one of them in `worker`, many of them in `local`."""
