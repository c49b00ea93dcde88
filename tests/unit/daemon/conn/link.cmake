set(link iris_daemon_tracker)
